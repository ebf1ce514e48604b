"""Laws of the throttle (I8): no window over the limit, the reserve is kept, the answers are exact.

Windows hold few calls (the code is the same for 2 and for 200); instants and lengths are any integers, in
any order. The inductive law at the end holds for the real limit.
"""

from immutables import Map

from kernel.config import ThrottleConfig
from kernel.throttle.throttle import (
    Grant,
    Priority,
    ThrottleState,
    Wait,
    decide,
    initial,
    next_grant_at,
    note_rate_limited,
    note_response,
    reconfigured,
)
from kernel.units import Duration, Instant

PRIORITIES = tuple(Priority)
ENTRY = Priority.ENTRY
QUERY = Priority.QUERY
CANCEL = Priority.CANCEL
SENT = (200, 357, 1_000_199)


def _config(limit: int, window: int, safety: int, urgent: int) -> ThrottleConfig:
    return ThrottleConfig(limit, Duration(window), safety, urgent)


def _try(state: ThrottleState, now: int, priority: Priority) -> tuple[ThrottleState, bool]:
    answer = decide(state, Instant(now), priority)
    return (answer.state, True) if isinstance(answer, Grant) else (state, False)


def no_window_over_the_limit(window: int, edge: int, a: int, b: int, c: int, d: int) -> bool:
    """Four asks at any instants, in any order: no window, wherever it ends, has more than the limit (2).

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state = initial(_config(2, window, 0, 0))
    inside = 0
    for now in (a, b, c, d):
        state, granted = _try(state, now, CANCEL)
        if granted and edge - window < state.latest <= edge:
            inside += 1
    return inside <= 2


def no_window_over_the_limit_mixed(window: int, edge: int, a: int, b: int, c: int, d: int, e: int) -> bool:
    """The same for a limit of 3 and calls of all classes, with a reserve of 2 and of 1.

    Promise: I8
    pre: 0 < window
    pre: 0 < a <= b <= c <= d <= e
    post: __return__
    """
    state = initial(_config(3, window, 2, 1))
    inside = 0
    for now, priority in ((a, CANCEL), (b, ENTRY), (c, QUERY), (d, CANCEL), (e, CANCEL)):
        state, granted = _try(state, now, priority)
        if granted and edge - window < state.latest <= edge:
            inside += 1
    return inside <= 3


def entries_leave_the_reserve(window: int, a: int, b: int, c: int) -> bool:
    """When an entry was granted, the window that it ends holds at most the limit less the reserve.

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state = initial(_config(3, window, 1, 0))
    instants = []
    for now, priority in ((a, CANCEL), (b, ENTRY), (c, ENTRY)):
        state, granted = _try(state, now, priority)
        if granted:
            instants.append(state.latest)
            if priority is ENTRY and sum(1 for at in instants if at > state.latest - window) > 2:
                return False
    return True


def cancel_never_waits_for_entries(window: int, a: int, b: int, c: int, d: int) -> bool:
    """However entries and data were sent, a cancel is granted at the very instant.

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state = initial(_config(3, window, 1, 0))
    for now, priority in ((a, ENTRY), (b, Priority.DATA), (c, ENTRY)):
        state, _ = _try(state, now, priority)
    return isinstance(decide(state, Instant(d), CANCEL), Grant)


def urgent_never_waits_for_queries(window: int, a: int, b: int, c: int, d: int) -> bool:
    """However queries and entries were sent, a protective stop is granted at the very instant.

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state = initial(_config(3, window, 2, 1))
    for now, priority in ((a, QUERY), (b, ENTRY), (c, QUERY)):
        state, _ = _try(state, now, priority)
    return isinstance(decide(state, Instant(d), Priority.PROTECTIVE_STOP), Grant)


def next_grant_is_exact(window: int, a: int, b: int, c: int, early: int, which: int) -> bool:
    """At the instant promised the call is granted, at any instant before it is not.

    Promise: I8
    pre: 0 < window and 0 <= which < 7
    post: __return__
    """
    state = initial(_config(2, window, 1, 0))
    for now in (a, b):
        state, _ = _try(state, now, CANCEL)
    promised = next_grant_at(state, Instant(c), PRIORITIES[which])
    if isinstance(decide(state, promised, PRIORITIES[which]), Wait):
        return False
    if c <= early < promised and early > state.latest:
        return isinstance(decide(state, Instant(early), PRIORITIES[which]), Wait)
    return promised >= c


def time_back_frees_nothing(window: int, a: int, b: int, now: int, back: int) -> bool:
    """What must wait now must wait at every earlier instant, at least as long.

    Promise: I8
    pre: 0 < window and 0 <= back
    post: __return__
    """
    state = initial(_config(2, window, 1, 0))
    for at, priority in ((a, CANCEL), (b, CANCEL)):
        state, _ = _try(state, at, priority)
    answer = decide(state, Instant(now), ENTRY)
    earlier = decide(state, Instant(now - back), ENTRY)
    if isinstance(answer, Grant):
        return True
    return isinstance(earlier, Wait) and earlier.until == answer.until


def urgency_never_waits_longer(window: int, a: int, now: int, ceiling: int, which: int) -> bool:
    """A more urgent call never has to wait longer than a less urgent one.

    Promise: I8
    pre: 0 < window and 0 <= which < 6 and 0 <= ceiling
    post: __return__
    """
    state, _ = _try(initial(_config(3, window, 2, 1)), a, CANCEL)
    state = note_response(state, Instant(a), None, ceiling, None)
    less, more = PRIORITIES[which], PRIORITIES[which + 1]
    return next_grant_at(state, Instant(now), more) <= next_grant_at(state, Instant(now), less)


def headers_bound_what_follows(window: int, remaining: int, ahead: int, a: int, b: int, c: int) -> bool:
    """After "so many remain until then" at most so many are sent before then.

    Promise: I8
    pre: 0 < window and 0 <= remaining and 0 < ahead <= window
    post: __return__
    """
    now = Instant(1_000)
    state = note_response(initial(_config(9, window, 0, 0)), now, None, remaining, Instant(now + ahead))
    sent = 0
    for at in (a, b, c):
        state, granted = _try(state, at, CANCEL)
        if granted and state.latest < now + ahead:
            sent += 1
    return sent <= remaining


def headers_keep_the_reserve(window: int, remaining: int, ahead: int, a: int) -> bool:
    """Entries leave the reserve of what the broker says is left, too.

    Promise: I8
    pre: 0 < window and 0 <= remaining and 0 < ahead <= window
    post: __return__
    """
    now = Instant(1_000)
    state = note_response(initial(_config(9, window, 3, 1)), now, None, remaining, Instant(now + ahead))
    entry = decide(state, Instant(a), ENTRY)
    return a >= now + ahead or isinstance(entry, Grant) == (remaining > 3)


def headers_never_loosen(window: int, limit: int, remaining: int, ahead: int, a: int, now: int) -> bool:
    """Whatever the headers say, nothing is granted earlier than our own count allows.

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state, _ = _try(initial(_config(1, window, 0, 0)), a, CANCEL)
    told = note_response(state, Instant(a), limit, remaining, Instant(a + ahead))
    return next_grant_at(told, Instant(now), CANCEL) >= next_grant_at(state, Instant(now), CANCEL)


def hold_ends_within_a_window(window: int, remaining: int, reset: int, told: int, which: int) -> bool:
    """No header, however strange, holds a fresh desk longer than one window.

    Promise: I8
    pre: 0 < window and 0 < told and 0 <= which < 7
    post: __return__
    """
    state = note_response(initial(_config(3, window, 2, 1)), Instant(told), None, remaining, Instant(reset))
    return next_grant_at(state, Instant(told), PRIORITIES[which]) <= told + window


def rate_limited_pauses(window: int, retry_after: int, now: int, later: int) -> bool:
    """After a 429 nothing is sent before Retry-After (up to ten windows), and no entry for a whole window.

    Promise: I8
    pre: 64 <= window and 0 < now <= later
    post: __return__
    """
    state = note_rate_limited(initial(_config(3, window, 1, 0)), Instant(now), Duration(retry_after))
    asked = min(retry_after, 10 * window)
    if isinstance(decide(state, Instant(later), Priority.KILL), Grant) and later < now + asked:
        return False
    return isinstance(decide(state, Instant(later), ENTRY), Wait) or later >= now + window


def rate_limited_ends(window: int, retry_after: int, now: int, which: int) -> bool:
    """A 429 never locks the desk: after ten windows everything may be sent again.

    Promise: I8
    pre: 0 < window and 0 < now and 0 <= which < 7
    post: __return__
    """
    state = note_rate_limited(initial(_config(3, window, 1, 0)), Instant(now), Duration(retry_after))
    return next_grant_at(state, Instant(now), PRIORITIES[which]) <= now + 10 * window


def reconfiguring_forgets_nothing(window: int, a: int, b: int, now: int, other: int, limit: int) -> bool:
    """Under a new configuration the calls already sent still count against the new limit and window.

    Promise: I8
    pre: 0 < window and 0 < other and 1 <= limit <= 3
    pre: 0 < a <= b <= now
    post: __return__
    """
    state, first = _try(initial(_config(2, window, 0, 0)), a, CANCEL)
    state, second = _try(state, b, CANCEL)
    state = reconfigured(state, _config(limit, other, 0, 0), Instant(now))
    inside = int(first and a > now - other) + int(second and b > now - other)
    answer = decide(state, Instant(now), CANCEL)
    return not (isinstance(answer, Grant) and inside >= limit) and state.peak <= limit


def peak_is_measured(window: int, a: int, b: int, c: int) -> bool:
    """The reported peak is the most that any window held, counted afresh.

    Promise: I8
    pre: 0 < window
    post: __return__
    """
    state = initial(_config(3, window, 0, 0))
    instants: list[int] = []
    most = 0
    for now in (a, b, c):
        state, granted = _try(state, now, CANCEL)
        if granted:
            instants.append(state.latest)
            most = max(most, sum(1 for at in instants if at > state.latest - window))
    return state.peak == most


def bound_is_inductive(
    window: int, oldest: int, middle: int, newest: int, now: int, fill: int, which: int
) -> bool:
    """The real limit of 200, a full ring: a grant comes at least a window after the 200th last one.

    That for every grant means that no half-open window ever holds more than 200.

    Promise: I8
    pre: 0 < window and oldest <= middle <= newest
    pre: 0 <= fill < 3 and 0 <= which < 7
    post: __return__
    """
    sent = SENT[fill]
    slots = {slot: Instant(middle) for slot in range(200)}
    ring = Map(slots | {sent % 200: Instant(oldest), (sent - 1) % 200: Instant(newest)})
    state = initial(_config(200, window, 40, 20))
    state = state._replace(grants=ring, sent=sent, latest=Instant(newest), peak=200)
    answer = decide(state, Instant(now), PRIORITIES[which])
    if isinstance(answer, Wait):
        return answer.until > now
    after = answer.state
    return (
        after.latest - oldest >= window
        and after.latest >= newest
        and after.grants[sent % 200] == after.latest
    )
