"""A lifecycle as a value: every (state, input) pair decided; and the building of it from arcs.

This file knows nothing of python-statemachine: chart.py reads a chart into arcs, the functions here
refuse what can't be right and lay the rest out as persistent maps. What is left at run time is
`Table.next`: two look-ups, no code of the library, nothing that can change.

Rules:
1. Every pair is decided exactly once: an arc moves, `ignored` absorbs, `fault` is for a person to see.
2. An arc changes the state. What stays is ignored or a fault, so MOVE always means another state.
3. Guards are names of facts that the caller states, not code. Prefer none: a guard is often a missing
   input. A chart with guards is a family of plain tables, one for each set of guards that hold.
4. Every state is reachable, and every state leads on: to a final or resting state where the lifecycle has
   any, else back to the initial one.

Ignores: what a move causes (the rooms' step functions) and where an input came from.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, Generic, NamedTuple, NoReturn, TypeVar

from immutables import Map

__all__ = [
    "CELL_GUARDS_MAX",
    "FAULT",
    "GUARDS_MAX",
    "IGNORED",
    "MOVE",
    "NO_GUARDS",
    "Arc",
    "ChartError",
    "Decisions",
    "Kind",
    "Move",
    "Table",
    "build_rows",
    "check_graph",
    "read_decisions",
    "refuse",
    "valuations",
]

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)

GUARDS_MAX: Final = 4
"""Guards of one chart (a table for each of 2^4 valuations is built); one more is refused."""
CELL_GUARDS_MAX: Final = 2
"""Guards on one (state, input); one more is refused, for it is a missing input."""

NO_GUARDS: Final[frozenset[str]] = frozenset()
"""No guard holds: what callers of charts without guards pass."""


class ChartError(Exception):
    """A chart that can't be right, found at import: which chart, what, and what to do."""


def refuse(chart: str, problem: str) -> NoReturn:
    """Raises the ChartError of a chart: one line."""
    raise ChartError(f"{chart}: {problem}")


class Kind(Enum):
    """What an input comes to in a state."""

    MOVE = "move"
    """The state changes to the target."""
    IGNORED = "ignored"
    """Expected and absorbed: nothing changes and nobody needs to know."""
    FAULT = "fault"
    """Contradicts the state: nothing changes and a person should know. Never a crash."""


MOVE: Final = Kind.MOVE
IGNORED: Final = Kind.IGNORED
FAULT: Final = Kind.FAULT


class Move(NamedTuple, Generic[S]):
    """One decided pair: where it leads and of what kind it is."""

    target: S
    """The next state; the same state unless the kind is MOVE."""
    kind: Kind

    @property
    def is_move(self) -> bool:
        """Whether the state changes."""
        return self.kind is MOVE

    @property
    def is_ignored(self) -> bool:
        """Whether the input is absorbed."""
        return self.kind is IGNORED

    @property
    def is_fault(self) -> bool:
        """Whether a person should know."""
        return self.kind is FAULT


class Table(NamedTuple, Generic[S, E]):
    """A compiled lifecycle. A value: nothing in it can change."""

    name: str
    """The chart's class name, as errors and docs show it."""
    initial: S
    finals: tuple[S, ...]
    """States that nothing leaves."""
    resting: tuple[S, ...]
    """Ended as far as reports go, yet an input may revive them: the declared exceptions to `finals`."""
    states: tuple[S, ...]
    """All states, in the Enum's order."""
    inputs: tuple[E, ...]
    """All inputs, in the Enum's order."""
    guards: tuple[str, ...]
    """Names of the facts that a caller may state; empty for most charts."""
    rows: Map[S, Map[E, Move[S]]]
    """The table when no guard holds."""
    variants: Map[frozenset[str], Map[S, Map[E, Move[S]]]]
    """The table for each set of guards that hold, the empty one included."""

    def next(self, state: S, given: E, guards: frozenset[str] = NO_GUARDS) -> Move[S]:
        """What `given` comes to in `state`; `guards` are the names of those guards that hold.

        Total for members of the chart's Enums. A guard of another chart is a ChartError: a bug of ours.
        """
        if guards:
            rows = self.variants.get(guards)
            if rows is None:
                refuse(self.name, f"guards {sorted(guards)} are not of this chart")
            return rows[state][given]
        return self.rows[state][given]

    def is_ended(self, state: S) -> bool:
        """Whether reports count the state as ended (final, or resting until revived)."""
        return state in self.finals or state in self.resting


class Arc(NamedTuple, Generic[S, E]):
    """One transition of a chart."""

    source: S
    given: E
    target: S
    literals: tuple[tuple[str, bool], ...]
    """(guard, the value it must have); all of them must match."""

    def takes(self, held: frozenset[str]) -> bool:
        """Whether it is taken when exactly the guards in `held` hold."""
        return all((guard in held) is expected for guard, expected in self.literals)


Decisions = dict[tuple[S, E], Kind]
"""The pairs that are no arcs: what each comes to."""


def read_decisions(
    name: str,
    states: type[S],
    inputs: type[E],
    ignored: Mapping[S, Iterable[E]],
    faults: Mapping[S, Iterable[E]],
) -> Decisions[S, E]:
    """The rows of both declarations as pairs; a pair that is declared twice is refused."""
    decided: Decisions[S, E] = {}
    for kind, rows in ((IGNORED, ignored), (FAULT, faults)):
        for state, row in rows.items():
            if not isinstance(state, states):
                refuse(name, f"{kind.value}: {state!r} is not a member of {states.__name__}")
            for given in row:
                if not isinstance(given, inputs):
                    refuse(name, f"{kind.value}: {given!r} is not a member of {inputs.__name__}")
                if (state, given) in decided:
                    refuse(name, f"({state.name}, {given.name}) is declared twice as ignored or fault")
                decided[state, given] = kind
    return decided


def valuations(guards: Iterable[str]) -> list[frozenset[str]]:
    """Every set of guards that may hold, the empty one first."""
    held: list[frozenset[str]] = [NO_GUARDS]
    for guard in guards:
        held += [before | {guard} for before in held]
    return held


def build_rows(
    name: str,
    states: tuple[S, ...],
    inputs: tuple[E, ...],
    arcs: list[Arc[S, E]],
    decided: Decisions[S, E],
    guards: tuple[str, ...],
) -> Map[frozenset[str], Map[S, Map[E, Move[S]]]]:
    """The table for each set of guards that may hold, or a ChartError."""
    _check_guards(name, arcs, guards)
    family = valuations(guards)
    variants = {held: _rows(name, states, inputs, arcs, decided, held) for held in family}
    for arc in arcs:
        if not any(arc.takes(held) for held in family):
            refuse(name, f"arc from {arc.source.name} by {arc.given.name} can never be taken")
    for (state, given), kind in decided.items():
        cell = [arc for arc in arcs if arc.source is state and arc.given is given]
        if all(any(arc.takes(held) for arc in cell) for held in family):
            refuse(name, f"({state.name}, {given.name}) is an arc and declared {kind.value} as well")
    return Map(variants)


def _check_guards(name: str, arcs: list[Arc[S, E]], guards: tuple[str, ...]) -> None:
    if len(guards) > GUARDS_MAX:
        refuse(name, f"{len(guards)} guards, at most {GUARDS_MAX}: inputs are missing")
    cells: dict[tuple[S, E], set[str]] = {}
    for arc in arcs:
        cells.setdefault((arc.source, arc.given), set()).update(guard for guard, _ in arc.literals)
    for (state, given), used in cells.items():
        if len(used) > CELL_GUARDS_MAX:
            refuse(
                name,
                f"({state.name}, {given.name}) has {len(used)} guards, at most {CELL_GUARDS_MAX}:"
                " an input is missing",
            )
    for guard in guards:
        if all(guard not in used for used in cells.values()):
            refuse(name, f"guard {guard} is in the registry and on no arc")


def _rows(
    name: str,
    states: tuple[S, ...],
    inputs: tuple[E, ...],
    arcs: list[Arc[S, E]],
    decided: Decisions[S, E],
    held: frozenset[str],
) -> Map[S, Map[E, Move[S]]]:
    """The whole table for one set of guards that hold."""
    taken: dict[tuple[S, E], S] = {}
    when = f" when {', '.join(sorted(held)) or 'no guard'} holds" if any(arc.literals for arc in arcs) else ""
    for arc in arcs:
        if arc.takes(held):
            if (arc.source, arc.given) in taken:
                refuse(name, f"({arc.source.name}, {arc.given.name}) has overlapping arcs{when}")
            taken[arc.source, arc.given] = arc.target
    rows: dict[S, Map[E, Move[S]]] = {}
    for state in states:
        row: dict[E, Move[S]] = {}
        for given in inputs:
            kind = decided.get((state, given))
            if (state, given) in taken:
                row[given] = Move(taken[state, given], MOVE)
            elif kind is not None:
                row[given] = Move(state, kind)
            else:
                refuse(name, f"({state.name}, {given.name}) is no arc, not ignored and no fault{when}")
        rows[state] = Map(row)
    return Map(rows)


# ---------------------------------------------------------------- the graph


def _reach(start: Iterable[S], arcs: list[Arc[S, E]], ends: Callable[[Arc[S, E]], tuple[S, S]]) -> set[S]:
    """The states that arcs, each read as `ends` (from, to), lead to from `start`, which is included."""
    reached = set(start)
    for _ in range(len(arcs) + 1):  # each round but the last adds a state
        more = {to for source, to in map(ends, arcs) if source in reached} - reached
        if not more:
            break
        reached |= more
    return reached


def check_graph(
    name: str,
    states: tuple[S, ...],
    initial: S,
    finals: tuple[S, ...],
    resting: tuple[S, ...],
    arcs: list[Arc[S, E]],
) -> None:
    """Refuses unreachable and trap states, and resting states that are no such thing."""
    reached = _reach((initial,), arcs, lambda arc: (arc.source, arc.target))
    for state in states:
        if state not in reached:
            refuse(name, f"state {state.name} is unreachable from {initial.name}")
    sources = {arc.source for arc in arcs}
    for state in resting:
        if state in finals:
            refuse(name, f"state {state.name} is final and resting: nothing may leave a final state")
        if state not in sources:
            refuse(name, f"state {state.name} is resting and nothing revives it: declare it final")
    for state in states:
        if state not in sources and state not in finals:
            refuse(name, f"state {state.name} is a trap: not final and nothing leaves it")
    back = _reach((*finals, *resting) or (initial,), arcs, lambda arc: (arc.target, arc.source))
    for state in states:
        if state not in back:
            goal = "to a final or resting state" if finals or resting else f"back to {initial.name}"
            refuse(name, f"state {state.name} is a trap: no way leads {goal}")
