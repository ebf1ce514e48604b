"""Chance, seeded: whether a fault fires, in which form, how long; and how often it did.

1. Every fault has generators of its own, made from the seed and its name: adding one fault to a plan changes
   no other's draws.
2. Each occasion takes exactly one number from the fault's first generator, whatever comes of it; forms and
   lengths come from the second. So the same requests give the same firings.
3. `fires` draws, `hit` counts: a fault that found nothing to spoil did not happen.
4. Once healed nothing fires any more.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from shell.exchange.faults.menu import MENU
from shell.exchange.faults.plan import FaultPlan

__all__ = ["SECOND", "Draws"]

SECOND: Final = 1_000_000_000


class Draws:
    """The draws of one session."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._rates = {name: rate for name, rate in plan.rates.items() if rate > 0}
        self._chance = {name: Random(f"{seed}/fault/{name}") for name in self._rates}
        self._shape = {name: Random(f"{seed}/shape/{name}") for name in MENU}
        self.is_on = bool(self._rates)
        self.counts: dict[str, int] = dict.fromkeys(self._rates, 0)
        """How often each planned fault happened."""

    def fires(self, name: str) -> bool:
        """One occasion of a fault: whether it fires."""
        rate = self._rates.get(name)
        if rate is None:
            return False
        return self._chance[name].random() < rate and self.is_on

    def hit(self, name: str) -> None:
        """The fault happened."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def kinds(self, name: str) -> tuple[str, ...]:
        """The forms that the plan allows."""
        return self._plan.kinds.get(name, MENU[name].kinds)

    def kind(self, name: str, among: Sequence[str] | None = None) -> str | None:
        """A form of a fault, of those that the plan allows; None when the plan allows none of `among`."""
        allowed = [each for each in self.kinds(name) if among is None or each in among]
        return self._shape[name].choice(allowed) if allowed else None

    def option(self, name: str, key: str) -> float:
        """An option's value."""
        return self._plan.options.get(name, {}).get(key, MENU[name].options[key].default)

    def duration(self, name: str, key: str = "for_s") -> int:
        """An option in session seconds, as nanoseconds."""
        return int(self.option(name, key) * SECOND)

    def delay(self, name: str, key: str = "for_s") -> int:
        """Nanoseconds from one second up to an option in session seconds."""
        return self._shape[name].randint(SECOND, max(SECOND, self.duration(name, key)))

    def rng(self, name: str) -> Random:
        """The generator of a fault's forms."""
        return self._shape[name]

    def one_of(self, fired: Sequence[str]) -> str | None:
        """Which of several faults that fired at once takes place; None when none did."""
        if len(fired) < 2:
            return fired[0] if fired else None
        return self._shape[fired[0]].choice(fired)
