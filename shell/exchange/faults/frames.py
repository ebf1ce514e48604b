"""Faults among the trade updates: which messages leave, when, and how often.

    dropped_update  duplicate_update  reordered_update  unknown_word (stream)  stream_mute (order)

1. Texts come in as they are published and go out as they shall be sent. What is dropped or held back was not
   sent: nobody counts it.
2. A held message leaves after the next one, and at the latest when its time is over or faults heal.
3. While the stream is mute everything is lost, held messages too.
4. Updates of orders in `hidden` are never sent: another client's trade that this one is not told of.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from shell.exchange.faults.agenda import Agenda
from shell.exchange.faults.draws import Draws
from shell.exchange.text import micros_text
from shell.exchange.venue.ids import IdSource

__all__ = ["HISTORY_MAX", "UpdateFaults"]

HISTORY_MAX: Final = 50
"""Messages kept to be replayed."""

_UNKNOWN: Final = ("rejuvenated", "pending_review_2", "held_for_reasons")


class UpdateFaults:
    """Between the venue's updates and the order stream."""

    def __init__(self, draws: Draws, agenda: Agenda, seed: int) -> None:
        self._draws = draws
        self._agenda = agenda
        self._ids = IdSource(seed + 1)
        self._history: deque[str] = deque(maxlen=HISTORY_MAX)
        self._held: list[str] = []
        self.is_mute = False
        self.hidden: set[str] = set()
        """Ids of orders whose updates are kept from the stream; as many as outsiders placed."""
        self.send: Callable[[Sequence[str]], None] = _nowhere

    def outgoing(self, updates: Sequence[tuple[str, str]], now: int) -> list[str]:
        """What is to be sent for updates, given as (order id, text)."""
        texts: list[str] = []
        for order_id, text in updates:
            if order_id not in self.hidden:
                texts += self._one(text, now)
        if self.is_mute:
            self._held.clear()
            return []
        return texts

    def _one(self, text: str, now: int) -> list[str]:
        """One update: dropped, changed, held, or sent with what follows it."""
        draws = self._draws
        fired = [
            name
            for name in ("dropped_update", "unknown_word", "reordered_update", "duplicate_update")
            if draws.fires(name)
        ]
        name = draws.one_of(fired)
        released, self._held = self._held, []
        if name == "dropped_update":
            draws.hit(name)
            return released
        if name == "unknown_word":
            draws.hit(name)
            return [self._unknown(text), *released]
        if name == "reordered_update" and self._agenda.put(now + draws.delay(name), self._release):
            draws.hit(name)
            self._held = [text]
            return released
        self._history.append(text)
        sent = [text, *released]
        if name == "duplicate_update":
            draws.hit(name)
            sent += self._copies(text, now)
        return sent

    def _release(self, _: int) -> None:
        """What was held back too long is sent after all."""
        held, self._held = self._held, []
        if held and not self.is_mute:
            self.send(held)

    def _copies(self, text: str, now: int) -> list[str]:
        """One to three copies of this message, or of an earlier one."""
        rng = self._draws.rng("duplicate_update")
        kind = self._draws.kind("duplicate_update")
        if kind == "replay":
            text = rng.choice(self._history)
        count = rng.randint(1, 3)
        return [self._fresh(text, now) if kind == "fresh" else text for _ in range(count)]

    def _fresh(self, text: str, now: int) -> str:
        """The same event, published again: another event id and time."""
        message: dict[str, Any] = json.loads(text)
        message["data"]["event_id"] = self._ids.ulid(now)
        message["data"]["at"] = micros_text(now)
        return json.dumps(message, separators=(",", ":"))

    def _unknown(self, text: str) -> str:
        """The message with a word that nobody knows."""
        message: dict[str, Any] = json.loads(text)
        word = self._draws.rng("unknown_word").choice(_UNKNOWN)
        if self._draws.kind("unknown_word") == "event":
            message["data"]["event"] = word
        else:
            message["data"]["order"]["status"] = word
        return json.dumps(message, separators=(",", ":"))


def _nowhere(_: Sequence[str]) -> None:
    """A stream that is not there yet."""
