"""All faults of one exchange: built from a plan, moved by the driver, healed in the end.

1. The driver calls `advance` in each of its steps, after the venue and before updates leave; it also asks
   `next_due`, so that time stops where something was put off to.
2. Healing: at the step that publishes the last bar (unless the plan says no) every window closes, whatever
   waits is done at once, and from then on nothing fires. Books are then what they will be.
3. With an empty plan nothing is drawn and everything goes the decent way.
"""

from collections.abc import Sequence
from typing import Final

from shell.exchange.driver import Driver
from shell.exchange.faults.agenda import Agenda
from shell.exchange.faults.connections import ConnectionFaults
from shell.exchange.faults.draws import SECOND, Draws
from shell.exchange.faults.frames import UpdateFaults
from shell.exchange.faults.orders import OrderFaults
from shell.exchange.faults.outsiders import Outsiders
from shell.exchange.faults.plan import FaultPlan
from shell.exchange.faults.requests import CALM, Fate, RequestFaults
from shell.exchange.faults.stale import Past
from shell.exchange.faults.ticks import TickFaults
from shell.exchange.http import Request, Response, message_response
from shell.exchange.ratelimit import RateLimiter
from shell.exchange.venue.model import Update

__all__ = ["Faults"]

_MINUTE: Final = 60 * SECOND


class Faults:
    """The faults of one exchange."""

    def __init__(self, plan: FaultPlan, seed: int, driver: Driver, limit: RateLimiter) -> None:
        self._plan = plan
        self._driver = driver
        self._draws = Draws(plan, seed)
        self._agenda = Agenda()
        self._minute: int | None = None
        self.is_calm = plan.is_calm
        self.is_healed = False
        """Whether the last bar has been published and everything was put right."""
        self.updates = UpdateFaults(self._draws, self._agenda, seed)
        self.ticks = TickFaults(self._draws)
        self.order_stream = ConnectionFaults(self._draws, self._now)
        self.market_streams = ConnectionFaults(self._draws, self._now)
        self._past = Past(driver.venue)
        self._requests = RequestFaults(self._draws, self._past, limit, self._now)
        orders = OrderFaults(self._draws, self._agenda, driver.venue)
        self._requests.doom = orders.doom
        self._outsiders = Outsiders(
            self._draws,
            self._agenda,
            driver.venue,
            self.updates,
            (self.order_stream, self.market_streams),
            orders.others,
        )
        if not self.is_calm:
            driver.venue.set_tamper(orders)
            driver.mischief = self

    def _now(self) -> int:
        return self._driver.now

    @property
    def counts(self) -> dict[str, int]:
        """How often each planned fault happened."""
        return dict(self._draws.counts)

    def next_due(self) -> int | None:
        """When something that was put off is due."""
        return self._agenda.next_due()

    def advance(self, now: int, is_over: bool) -> None:
        """One step of the session; `is_over` once the last bar is published."""
        self._agenda.run(now)
        minute = now // _MINUTE
        if self._minute is None:
            self._minute = minute
        if minute != self._minute and not is_over:
            self._minute = minute
            self._outsiders.minute(now)
        if is_over and self._plan.heal and not self.is_healed:
            self.is_healed = True
            self._draws.is_on = False
            self._agenda.flush(now)

    def learn(self, updates: Sequence[Update]) -> None:
        """Takes note of what was published, to tell the past by it."""
        if "stale_snapshot" in self._draws.counts:
            self._past.learn(updates)

    def fate(self, request: Request) -> Fate:
        """What becomes of a REST request; ours (/sim) are never touched."""
        if self.is_calm or request.path.startswith("/sim/"):
            return CALM
        blocked = self._outsiders.blocked
        if blocked is not None:
            return Fate(carries_out=False, answer=_blocked(blocked))
        return self._requests.fate(request)


def _blocked(kind: str) -> Response:
    """What refused keys are answered."""
    return message_response(401, "unauthorized.") if kind == "401" else message_response(403, "forbidden.")
