"""The account's request budget: a sliding window that no burst can cheat, with a reserve for safety.

One pool serves all broker calls of an account (Alpaca: 200 in 60 seconds). A call is granted only if,
counting it, the window that ends now holds no more than the limit. Windows are half-open, (t - window, t].

Rules (I8; laws of specs/law_throttle.py):
1. No window of the length holds more than `limit` grants, wherever it begins. For if the last grant in it is
   the one at t, all its grants lie in (t - window, t], and that one was counted when it was granted.
2. A class of priorities has a ceiling under the limit: ENTRY and DATA leave `reserved_for_safety` calls,
   QUERY leaves `reserved_for_urgent`. So a cancel never waits for entries.
3. Time that steps back frees nothing: a decision is made at the latest instant seen, if that is later.
4. The broker's word only tightens. Headers put a ceiling on further sends until the window that they
   tell of resets; a 429 pauses everything for a moment, and entries and data for a whole window.
5. `next_grant_at` is exact: the first instant at which `decide` grants, if nothing else happens till then.

Several calls waiting: the caller asks for the most urgent first. The state is a value (it is replayed from
the journal); a decision is O(1), whatever the fill: the n-th last grant is looked up, nothing is swept.
Pools with weights, groups, and fairness among strategies are not here.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from immutables import Map

from kernel.config import ThrottleConfig
from kernel.units import Duration, Instant

__all__ = [
    "BROKER_RESET_WINDOWS_MAX",
    "RETRY_AFTER_WINDOWS_MAX",
    "RETRY_STEPS_MAX",
    "Brake",
    "Grant",
    "Pool",
    "Priority",
    "ThrottleState",
    "Wait",
    "decide",
    "initial",
    "next_grant_at",
    "note_deferred",
    "note_rate_limited",
    "note_response",
    "reconfigured",
]

BROKER_RESET_WINDOWS_MAX: Final = 1
"""A reset that the broker puts further away than so many windows is cut to that: garbage must not lock us."""

RETRY_AFTER_WINDOWS_MAX: Final = 10
"""A Retry-After longer than so many windows is cut to that: then one call asks again."""

RETRY_STEPS_MAX: Final = 6
"""The first 429 pauses window / 2^6 (0.94 s); each that follows a pause doubles it, up to a window."""


class Priority(IntEnum):
    """Who goes first; the greater the more urgent."""

    DATA = 0
    """History and market data by REST."""
    ENTRY = 1
    """Orders that increase risk."""
    QUERY = 2
    """Orders in doubt, reconciliation, account, positions."""
    REDUCE = 3
    """Orders that reduce risk."""
    PROTECTIVE_STOP = 4
    """Stops that cover an open position."""
    CANCEL = 5
    """Cancels."""
    KILL = 6
    """The kill switch's cancels and exits."""


class Pool(NamedTuple):
    """What the budget is: changes only when the broker states another limit."""

    config: ThrottleConfig
    limit: int
    """In force: the configured limit, or less when the broker says so."""
    reserves: tuple[int, ...]
    """By priority: how many calls of the limit this priority must leave."""


class Brake(NamedTuple):
    """What the broker said about our pace."""

    ceiling: int
    """Until `ceiling_until` no more than so many calls in all (counted since the beginning)."""
    ceiling_until: Instant
    blocked_until: Instant
    """Until then nothing at all is sent."""
    cautious_until: Instant
    """Until then no entries and no data."""
    strikes: int
    """Pauses in a row, for the next one's length."""
    http_429: int
    """429s in all."""


class ThrottleState(NamedTuple):
    """The throttle as a value."""

    pool: Pool
    brake: Brake
    grants: Map[int, Instant]
    """The instants of the last `config.limit` grants: grant number n (from 0) stands at n % config.limit."""
    sent: int
    """Grants in all."""
    latest: Instant
    """The latest instant at which a grant was given."""
    peak: int
    """The most grants in any window so far, measured from `grants`, not assumed."""
    deferred: int
    """Calls that had to wait at least once (see `note_deferred`)."""


class Grant(NamedTuple):
    """The call may be sent now; it is counted in `state`."""

    state: ThrottleState


class Wait(NamedTuple):
    """The call may not be sent before `until`."""

    until: Instant


NO_BRAKE: Final = Brake(0, Instant(0), Instant(0), Instant(0), 0, 0)
ENTRY: Final = Priority.ENTRY


def _pool(config: ThrottleConfig, limit: int) -> Pool:
    """The reserves shrink with the limit, so every priority keeps at least one call."""
    safety = config.reserved_for_safety * limit // config.limit
    urgent = config.reserved_for_urgent * limit // config.limit
    return Pool(config, limit, (safety, safety, urgent, 0, 0, 0, 0))


def initial(config: ThrottleConfig) -> ThrottleState:
    """A throttle that has sent nothing. The reserves are smaller than the limit (checked before)."""
    assert config.window > 0, "kernel bug: the throttle's window must be positive"
    assert 0 <= config.reserved_for_urgent <= config.reserved_for_safety, (
        "kernel bug: the reserves are nested"
    )
    assert config.reserved_for_safety < config.limit, "kernel bug: the reserve must be smaller than the limit"
    return ThrottleState(_pool(config, config.limit), NO_BRAKE, Map(), 0, Instant(0), 0, 0)


def reconfigured(state: ThrottleState, config: ThrottleConfig, now: Instant) -> ThrottleState:
    """The throttle under another configuration (after a restart): what was sent still counts.

    Where the new ring is longer than what is remembered, the gap counts as sent when the oldest known grant
    was, which errs on the side of waiting. The peak starts afresh from the window that ends now.
    """
    old = state.pool.config
    if config == old:
        return state
    fresh = initial(config)
    sent = state.sent
    known = min(sent, old.limit)
    ring: dict[int, Instant] = {}
    within = 0
    for number in range(max(0, sent - config.limit), sent):
        at = state.grants[max(number, sent - known) % old.limit]
        ring[number % config.limit] = at
        within += at > now - config.window
    return fresh._replace(
        brake=state.brake,
        grants=Map(ring),
        sent=sent,
        latest=state.latest,
        peak=within,
        deferred=state.deferred,
    )


def next_grant_at(state: ThrottleState, now: Instant, priority: Priority) -> Instant:
    """The first instant, not before `now`, that would grant a call of this priority if nothing else is sent.

    Never before the latest grant either (rule 3).
    """
    pool, brake, grants, sent, latest, _, _ = state
    at = max(now, latest)
    reserve = pool.reserves[priority]
    cap = pool.limit - reserve
    if sent >= cap:
        free = grants[(sent - cap) % pool.config.limit] + pool.config.window
        if free > at:
            at = Instant(free)
    if brake.ceiling_until > at and sent + reserve >= brake.ceiling:
        at = brake.ceiling_until
    if brake.cautious_until > at and priority <= ENTRY:
        at = brake.cautious_until
    if brake.blocked_until > at:
        return brake.blocked_until
    return at


def decide(state: ThrottleState, now: Instant, priority: Priority) -> Grant | Wait:
    """Whether a call of this priority may be sent now; a grant counts at once, sent or wasted."""
    at = next_grant_at(state, now, priority)
    if at > now and at > state.latest:
        return Wait(at)
    pool, brake, grants, sent, _, peak, deferred = state
    size = pool.config.limit
    # The count grows by one at most: it beats the peak only if the peak-th last grant is in this window too.
    if sent >= peak and (peak == 0 or grants[(sent - peak) % size] > at - pool.config.window):
        peak += 1
    return Grant(ThrottleState(pool, brake, grants.set(sent % size, at), sent + 1, at, peak, deferred))


def note_deferred(state: ThrottleState) -> ThrottleState:
    """Counts a call that had to wait; the caller does it once for each call."""
    return state._replace(deferred=state.deferred + 1)


def note_response(
    state: ThrottleState,
    now: Instant,
    limit: int | None,
    remaining: int | None,
    reset_at: Instant | None,
    in_flight: int = 0,
) -> ThrottleState:
    """Takes an answer's X-RateLimit headers (None: missing) at `now`; `in_flight` calls have no answer yet.

    Only answers of this pool's endpoints: the data host counts for itself. The limit in force becomes the
    broker's where that is less than the configured one. What remains becomes a ceiling on further sends until
    the reset: others use the same account. A ceiling in force gives way to a tighter one, and to one with a
    later reset (a new window); an answer that comes out of order says neither and changes nothing.
    """
    pool = state.pool
    if limit is not None and limit > 0:
        in_force = min(limit, pool.config.limit)
        if in_force != pool.limit:
            pool = _pool(pool.config, in_force)
    brake = state.brake
    if remaining is not None:
        ceiling = state.sent + max(remaining - in_flight, 0)
        furthest = now + BROKER_RESET_WINDOWS_MAX * pool.config.window
        until = Instant(furthest if reset_at is None else min(reset_at, furthest))
        expired = brake.ceiling_until <= now
        if until > now and (expired or ceiling < brake.ceiling or until > brake.ceiling_until):
            brake = brake._replace(ceiling=ceiling, ceiling_until=until)
    return state._replace(pool=pool, brake=brake)


def note_rate_limited(state: ThrottleState, now: Instant, retry_after: Duration | None) -> ThrottleState:
    """Takes a 429 at `now`; `retry_after` in ns where the broker said it.

    Somebody else uses the account or the broker counts otherwise: everything pauses, at least as long as
    asked, and entries and data wait for a whole window. Several 429s in one pause are one: they had left
    before it.
    """
    brake = state.brake
    window = state.pool.config.window
    strikes = brake.strikes
    if now >= brake.blocked_until:
        follows = now < brake.blocked_until + window
        strikes = min(strikes + 1, RETRY_STEPS_MAX) if follows else 0
    pause = window // (1 << (RETRY_STEPS_MAX - strikes))
    if retry_after is not None:
        pause = max(pause, min(retry_after, RETRY_AFTER_WINDOWS_MAX * window))
    brake = brake._replace(
        blocked_until=Instant(max(brake.blocked_until, now + pause)),
        cautious_until=Instant(max(brake.cautious_until, now + window)),
        strikes=strikes,
        http_429=brake.http_429 + 1,
    )
    return state._replace(brake=brake)
