"""Drift cases in an order's story: which cases about it were opened, moved and ended in a step.

A case is about the order when its subject or its text names one of the order's ids. What a case has to show
is written down as a Protocol, so that this file needs nothing of the room that keeps them.

`cases_of` is the one place that knows where a Desk keeps its cases.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from immutables import Map

from kernel import Desk
from shell.story_line import Said, Topic
from shell.story_words import is_named, plain, word_of

__all__ = ["NO_CASES", "Case", "Cases", "case_changes", "cases_of"]


class Case(Protocol):
    """What a drift case shows."""

    @property
    def key(self) -> str:
        """Its deterministic name."""
        ...

    @property
    def drift(self) -> object:
        """Its kind, a word or an Enum."""
        ...

    @property
    def subject(self) -> str:
        """What it is about: an order's id, a symbol."""
        ...

    @property
    def state(self) -> object:
        """Where it stands, a word or an Enum."""
        ...

    @property
    def text(self) -> str:
        """Both figures, for a person."""
        ...

    @property
    def outcome(self) -> object:
        """How it ended, a word or an Enum; empty while it is open."""
        ...


class Cases(NamedTuple):
    """All drift cases of a desk."""

    open: Mapping[str, Case]
    ended: tuple[Case, ...]


NO_CASES: Final = Cases(Map(), ())


def cases_of(desk: Desk) -> Cases:  # noqa: ARG001 - the Desk keeps no cases in this version
    """The drift cases that a Desk keeps."""
    return NO_CASES


def case_changes(before: Cases, after: Cases, ids: frozenset[str]) -> Iterator[Said]:
    """What a step did to the cases that name one of the ids, those that ended last."""
    if after.open is not before.open:
        for key in sorted(after.open):
            case = after.open[key]
            old = before.open.get(key)
            if old is not case and _is_about(case, ids):
                yield Said(Topic.DRIFT, _text(old, case))
    if after.ended is not before.ended:
        known = {id(case) for case in before.ended}
        for case in after.ended:
            if id(case) not in known and _is_about(case, ids):
                yield Said(Topic.DRIFT, _text(before.open.get(case.key), case))


def _is_about(case: Case, ids: frozenset[str]) -> bool:
    return case.subject in ids or is_named(case.text, ids)


def _text(old: Case | None, case: Case) -> str:
    state = _word(case.state)
    moved = state if old is None or _word(old.state) == state else f"{_word(old.state)} -> {state}"
    outcome = f"; {_word(case.outcome)}" if case.outcome else ""
    return plain(f"{case.key} {_word(case.drift)} about {case.subject}: {moved}: {case.text}{outcome}")


def _word(value: object) -> str:
    return value if isinstance(value, str) else word_of(value)
