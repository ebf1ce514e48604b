"""Drift cases in an order's story: which cases about it were opened, moved and ended in a step.

A case is about the order when its subject or its text names one of the order's ids.
"""

from collections.abc import Iterator

from kernel.drift.cases import Case, Cases
from shell.story_line import Said, Topic
from shell.story_words import is_named, plain

__all__ = ["case_changes"]


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
    state = case.state.value
    moved = state if old is None or old.state is case.state else f"{old.state.value} -> {state}"
    outcome = f"; {case.outcome}" if case.outcome else ""
    return plain(f"{case.key}: {moved}: {case.text}{outcome}")
