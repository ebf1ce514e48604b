"""Shapes: how the values of one annotation are written and read (the engine of canonical.py).

A shape is asked for a coder by the exact type of the value at hand: `encoder(run-time type)`,
`decoder(carrier type)`. So a union needs no search, and a NamedTuple asks once for each combination
of its fields' types and keeps the answers as a plan: a list of (index, coder) for those fields that are
not carried as they are.

Rules:
1. Exact types only: a subclass of int is refused (it would come back as another value). A subclass of str
   that is not an Enum is written as the text it is: some reader of messages left its mark on it.
2. Every refusal is a CanonicalError with the path to the place; nothing else is raised.
3. Plans are a cache of bounded size, never state: a full one only costs time.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from functools import partial
from types import NoneType
from typing import Any, Final

from immutables import Map

from shell.canonical_wire import CANONICAL_VERSION, CanonicalError, name_of, pack

__all__ = [
    "PLAIN",
    "Choice",
    "Coder",
    "Fixed",
    "Mapped",
    "Member",
    "Plain",
    "Row",
    "Series",
    "Shape",
    "each",
    "same",
    "sort_wires",
    "tag",
]

PLANS_MAX: Final = 4096
"""Combinations of run-time types kept per class; further ones are planned again each time."""

Coder = Callable[[Any], Any]
PLAIN: Final = (NoneType, bool, int, str, bytes)


def same(value: Any) -> Any:
    """The coder of what is carried as it is; plans leave it out."""
    return value


class Shape(ABC):
    """How values of one annotation are written and read."""

    runtime: tuple[type, ...] = ()
    """The exact run-time types that it takes."""
    wire: tuple[type, ...] = ()
    """The carrier's types that it reads."""
    title = "?"

    def encoder(self, kind: type) -> Coder:
        """The coder for values of run-time type `kind`."""
        if kind not in self.runtime:
            raise CanonicalError("", f"a {name_of(kind)} stands where {self.title} belongs")
        return self.write

    def decoder(self, kind: type) -> Coder:
        """The coder for carrier values of type `kind`."""
        if kind not in self.wire:
            raise CanonicalError("", f"a {name_of(kind)} stands where {self.title} belongs")
        return self.read

    @abstractmethod
    def write(self, value: Any) -> Any:
        """The carrier form of a value whose run-time type fits."""

    @abstractmethod
    def read(self, wire: Any) -> Any:
        """The value of a carrier form whose type fits."""


class Plain(Shape):
    """None, bool, int, str, bytes: as they are."""

    def __init__(self, kind: type) -> None:
        self.runtime = self.wire = (kind,)
        self.title = name_of(kind)

    def encoder(self, kind: type) -> Coder:
        if kind in self.runtime:
            return same
        if self.runtime == (str,) and issubclass(kind, str) and not issubclass(kind, Enum):
            return str.__str__
        return super().encoder(kind)

    def decoder(self, kind: type) -> Coder:
        return same if kind in self.wire else super().decoder(kind)

    def write(self, value: Any) -> Any:
        return value

    def read(self, wire: Any) -> Any:
        return wire


class Member(Shape):
    """An Enum member: its value."""

    def __init__(self, kind: type[Enum]) -> None:
        self.runtime = (kind,)
        self.title = kind.__name__
        self.values = {member: member.value for member in kind}
        self.members = {member.value: member for member in kind}
        self.wire = tuple({type(value): None for value in self.members})

    def write(self, value: Any) -> Any:
        return self.values[value]

    def read(self, wire: Any) -> Any:
        member = self.members.get(wire)
        if member is None:
            raise CanonicalError(
                "", f"{self.title} has no member {wire!r} in canonical version {CANONICAL_VERSION}"
            )
        return member


class Series(Shape):
    """tuple[X, ...] and frozenset[X]."""

    wire = (list,)

    def __init__(self, container: type, element: Shape) -> None:
        self.runtime = (container,)
        self.container = container
        self.element = element
        self.title = f"{container.__name__}[{element.title}]"

    def write(self, value: Any) -> Any:
        wires = each(self.element.encoder, value)
        return sort_wires(wires) if self.container is frozenset else wires

    def read(self, wire: Any) -> Any:
        value = self.container(each(self.element.decoder, wire))
        if len(value) != len(wire):
            raise CanonicalError("", f"{self.title} holds an element twice")
        return value


class Fixed(Shape):
    """tuple[X, Y, Z]."""

    runtime = (tuple,)
    wire = (list,)

    def __init__(self, elements: tuple[Shape, ...]) -> None:
        self.elements = elements
        self.title = f"tuple[{', '.join(shape.title for shape in elements)}]"

    def _all(self, values: Any, coder_of: Callable[[Shape, type], Coder]) -> list[Any]:
        if len(values) != len(self.elements):
            raise CanonicalError("", f"{len(values)} elements where {self.title} belongs")
        return [
            coder_of(shape, type(value))(value) for shape, value in zip(self.elements, values, strict=True)
        ]

    def write(self, value: Any) -> Any:
        return self._all(value, lambda shape, kind: shape.encoder(kind))

    def read(self, wire: Any) -> Any:
        return tuple(self._all(wire, lambda shape, kind: shape.decoder(kind)))


class Mapped(Shape):
    """immutables.Map[K, V]."""

    runtime = (Map,)
    wire = (list,)

    def __init__(self, key: Shape, element: Shape) -> None:
        self.key, self.element = key, element
        self.title = f"Map[{key.title}, {element.title}]"

    def write(self, value: Any) -> Any:
        keys = list(value.keys())
        if set(map(type, keys)) <= {str} or set(map(type, keys)) <= {int}:
            keys.sort()
            names = each(self.key.encoder, keys)
        else:
            by_bytes = sorted(
                zip(each(self.key.encoder, keys), keys, strict=True), key=lambda pair: pack(pair[0])
            )
            names = [pair[0] for pair in by_bytes]
            keys = [pair[1] for pair in by_bytes]
        return list(zip(names, each(self.element.encoder, [value[key] for key in keys], keys), strict=True))

    def read(self, wire: Any) -> Any:
        for index, pair in enumerate(wire):
            if type(pair) is not list or len(pair) != 2:
                raise CanonicalError(f"[{index}]", f"not a pair of {self.title}")
        keys = each(self.key.decoder, [pair[0] for pair in wire])
        value = Map(zip(keys, each(self.element.decoder, [pair[1] for pair in wire], keys), strict=True))
        if len(value) != len(wire):
            raise CanonicalError("", f"{self.title} holds a key twice")
        return value


class Row(Shape):
    """A NamedTuple: the array of its fields."""

    wire = (list,)

    def __init__(self, kind: Any) -> None:
        self.runtime = (kind,)
        self.title = kind.__name__
        self.names: tuple[str, ...] = kind._fields
        self.defaults: dict[str, Any] = kind._field_defaults
        self.make: Coder = partial(tuple.__new__, kind)
        self.shapes: tuple[Shape, ...] = ()
        self.write_plans: dict[tuple[type, ...], tuple[tuple[int, Coder], ...]] = {}
        self.read_plans: dict[tuple[type, ...], tuple[tuple[tuple[int, Coder], ...], tuple[Any, ...]]] = {}

    def _steps(
        self, kinds: tuple[type, ...], coder_of: Callable[[Shape, type], Coder]
    ) -> tuple[tuple[int, Coder], ...]:
        steps = []
        for index, kind in enumerate(kinds):
            try:
                coder = coder_of(self.shapes[index], kind)
            except CanonicalError as error:
                raise error.under(f".{self.names[index]}") from None
            if coder is not same:
                steps.append((index, coder))
        return tuple(steps)

    def write(self, value: Any) -> Any:
        kinds = tuple(map(type, value))
        steps = self.write_plans.get(kinds)
        if steps is None:
            steps = self._steps(kinds, lambda shape, kind: shape.encoder(kind))
            if len(self.write_plans) < PLANS_MAX:
                self.write_plans[kinds] = steps
        if not steps:
            return value
        row = list(value)
        return self._through(steps, row)

    def read(self, wire: Any) -> Any:
        kinds = tuple(map(type, wire))
        plan = self.read_plans.get(kinds)
        if plan is None:
            plan = self._read_plan(kinds)
        steps, rest = plan
        if steps:
            self._through(steps, wire)
        if rest:
            wire.extend(rest)
        return self.make(wire)

    def _through(self, steps: tuple[tuple[int, Coder], ...], row: list[Any]) -> list[Any]:
        index = 0
        try:
            for index, coder in steps:
                row[index] = coder(row[index])
        except CanonicalError as error:
            raise error.under(f".{self.names[index]}") from None
        return row

    def _read_plan(self, kinds: tuple[type, ...]) -> tuple[tuple[tuple[int, Coder], ...], tuple[Any, ...]]:
        missing = self.names[len(kinds) :]
        if len(kinds) > len(self.names):
            known = f"canonical version {CANONICAL_VERSION} knows {len(self.names)}"
            raise CanonicalError(
                "", f"{self.title} has {len(kinds)} fields, {known}: a newer version wrote it"
            )
        for name in missing:
            if name not in self.defaults:
                raise CanonicalError("", f"{self.title} lacks its field {name}")
        plan = (
            self._steps(kinds, lambda shape, kind: shape.decoder(kind)),
            tuple(self.defaults[name] for name in missing),
        )
        if len(self.read_plans) < PLANS_MAX:
            self.read_plans[kinds] = plan
        return plan


class Choice(Shape):
    """A union, told apart by the carrier's type where that is enough and by a class name where not."""

    def __init__(self, shapes: tuple[Shape, ...], *, tagged: bool) -> None:
        plain = [shape for shape in shapes if isinstance(shape, Plain)]
        other = [shape for shape in shapes if not isinstance(shape, Plain)]
        taken = {kind for shape in plain for kind in shape.wire}
        self.tagged = tagged or len(other) > 1 or any(kind in taken for shape in other for kind in shape.wire)
        self.title = " | ".join(shape.title for shape in shapes)
        self.by_tag = {shape.title: shape for shape in other}
        if len(self.by_tag) != len(other):
            raise CanonicalError("", f"two types of one name in {self.title}")
        self.encoders: dict[type, Coder] = {kind: same for shape in plain for kind in shape.runtime}
        self.decoders: dict[type, Coder] = {kind: same for shape in plain for kind in shape.wire}
        for shape in other:
            for kind in shape.runtime:
                self.encoders[kind] = partial(tag, shape.title, shape.write) if self.tagged else shape.write
            if not self.tagged:
                self.decoders |= dict.fromkeys(shape.wire, shape.read)
        if self.tagged:
            self.decoders[list] = self._untagged
        self.runtime, self.wire = tuple(self.encoders), tuple(self.decoders)

    def encoder(self, kind: type) -> Coder:
        coder = self.encoders.get(kind)
        if coder is None and issubclass(kind, str) and self.encoders.get(str) is same:
            return Plain(str).encoder(kind)
        return coder or super().encoder(kind)

    def decoder(self, kind: type) -> Coder:
        return self.decoders.get(kind) or super().decoder(kind)

    def write(self, value: Any) -> Any:
        return self.encoder(type(value))(value)

    def read(self, wire: Any) -> Any:
        return self.decoder(type(wire))(wire)

    def _untagged(self, wire: Any) -> Any:
        if len(wire) != 2 or type(wire[0]) is not str:
            raise CanonicalError("", f"no type tag where {self.title} belongs")
        shape = self.by_tag.get(wire[0])
        if shape is None:
            raise CanonicalError(
                "",
                f"unknown type tag {wire[0][:60]!r} in canonical version {CANONICAL_VERSION}: "
                "a newer version wrote it",
            )
        try:
            return shape.decoder(type(wire[1]))(wire[1])
        except CanonicalError as error:
            raise error.under(f".{shape.title}") from None


def tag(title: str, write: Coder, value: Any) -> Any:
    """A value's carrier form with its type's name before it."""
    return title, write(value)


def each(coder_of: Callable[[type], Coder], values: Any, names: Any = None) -> list[Any]:
    """Every value through the coder of its type; a refusal says which one."""
    coders: dict[type, Coder] = {}
    coded: list[Any] = []
    index = 0
    try:
        for index, value in enumerate(values):  # noqa: B007 - `index` is read below
            kind = type(value)
            coder = coders.get(kind)
            if coder is None:
                coder = coders[kind] = coder_of(kind)
            coded.append(coder(value))
    except CanonicalError as error:
        raise error.under(f"[{index if names is None else repr(names[index])}]") from None
    return coded


def sort_wires(wires: list[Any]) -> list[Any]:
    """Carrier values in the order of their bytes."""
    return sorted(wires, key=pack)
