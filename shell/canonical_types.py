"""From an annotation to its shape, and `Any`: the value that carries its types along.

Rules:
1. NewTypes are their base; forward references and recursion are followed.
2. A shape is made once per annotation and kept: annotations are code, so their number is bounded. Threads
   may ask at once (the journal's, a snapshot's): one makes, and a shape is seen only when it is whole.
3. A type that was not registered is never imported because bytes name it.
"""

import threading
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from immutables import Map

from shell.canonical_shapes import (
    PLAIN,
    Choice,
    Coder,
    Fixed,
    Mapped,
    Member,
    Plain,
    Row,
    Series,
    Shape,
    each,
    same,
    sort_wires,
    tag,
)
from shell.canonical_wire import CanonicalError, name_of

__all__ = ["register", "register_with_parts", "shape_of"]


class Free(Shape):
    """Any: the type goes along."""

    title = "any value"

    def encoder(self, kind: type) -> Coder:
        if kind in PLAIN:
            return same
        if kind is tuple:
            return lambda value: ("tuple", each(self.encoder, value))
        if kind is frozenset:
            return lambda value: ("set", sort_wires(each(self.encoder, value)))
        if kind is Map:
            return partial(tag, "map", Mapped(self, self).write)
        if hasattr(kind, "_fields") or issubclass(kind, Enum):
            return partial(tag, _address(kind), shape_of(kind).write)
        raise CanonicalError("", f"a {name_of(kind)} has no canonical form")

    def write(self, value: Any) -> Any:
        return self.encoder(type(value))(value)

    def decoder(self, kind: type) -> Coder:
        if kind in PLAIN:
            return same
        if kind is not list:
            raise CanonicalError("", f"a {name_of(kind)} has no canonical form")
        return self.read

    def read(self, wire: Any) -> Any:
        if len(wire) != 2 or type(wire[0]) is not str:
            raise CanonicalError("", "no type tag where any value belongs")
        name, body = wire
        if name in {"tuple", "set", "map"}:
            if type(body) is not list:
                raise CanonicalError("", f"a {name_of(type(body))} stands where a {name} belongs")
            if name == "map":
                return Mapped(self, self).read(body)
            return (tuple if name == "tuple" else frozenset)(each(self.decoder, body))
        kind = _registered.get(name)
        if kind is None:
            raise CanonicalError("", f"the type {name[:80]!r} is not registered")
        return shape_of(kind).decoder(type(body))(body)


_registered: dict[str, type] = {}


def register(kind: type) -> None:
    """Makes values of a NamedTuple or Enum readable where the annotation says Any."""
    _registered[_address(kind)] = kind


def register_with_parts(annotation: Any) -> None:
    """Registers a type and every NamedTuple and Enum that its annotations lead to.

    For the state of a strategy that the configuration names: its types are loaded with it (rule 3).
    """
    todo, seen = [annotation], set[int]()
    while todo:
        one = todo.pop()
        one = getattr(one, "__supertype__", one)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if hasattr(one, "_fields"):
            register(one)
            todo.extend(get_type_hints(one).values())
        elif isinstance(one, type) and issubclass(one, Enum):
            register(one)
        todo.extend(get_args(one))


def _address(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


_shapes: dict[Any, Shape] = {}
"""Whole ones."""
_making: dict[Any, Shape] = {}
"""Those under way, for types that lead to themselves; only under the lock."""
_lock = threading.RLock()


def shape_of(annotation: Any) -> Shape:
    """The shape of an annotation; CanonicalError for one that values of the kernel do not have."""
    annotation = getattr(annotation, "__supertype__", annotation)
    known = _shapes.get(annotation)
    if known is not None:
        return known
    with _lock:
        is_outermost = not _making
        try:
            shape = _shape(annotation)
            if is_outermost:
                _shapes.update(_making)
        finally:
            if is_outermost:
                _making.clear()
    return shape


def _shape(annotation: Any) -> Shape:
    """Makes a shape; the lock is held."""
    known = _shapes.get(annotation) or _making.get(annotation)
    if known is not None:
        return known
    if hasattr(annotation, "_fields"):
        row = Row(annotation)
        _making[annotation] = row
        try:
            hints = get_type_hints(annotation)
            row.shapes = tuple(shape_of(hints[name]) for name in row.names)
        except CanonicalError as error:
            del _making[annotation]
            raise error.under(f".{row.title}") from None
        return row
    shape = _other_shape(annotation)
    _making[annotation] = shape
    return shape


def _other_shape(annotation: Any) -> Shape:
    shape: Shape
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation in PLAIN:
        shape = Plain(NoneType if annotation is None else annotation)
    elif annotation is Any or annotation is object:
        shape = Free()
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        shape = Member(annotation)
    elif origin in (Union, UnionType):
        shapes = tuple(shape_of(argument) for argument in arguments)
        shape = Free() if any(isinstance(one, Free) for one in shapes) else Choice(shapes, tagged=False)
    elif origin is tuple and arguments[1:] == (Ellipsis,):
        shape = Series(tuple, shape_of(arguments[0]))
    elif origin is tuple:
        shape = Fixed(tuple(shape_of(argument) for argument in arguments))
    elif origin is frozenset:
        shape = Series(frozenset, shape_of(arguments[0]))
    elif origin is Map:
        shape = Mapped(shape_of(arguments[0]), shape_of(arguments[1]))
    else:
        raise CanonicalError("", f"the annotation {annotation!r} has no canonical form")
    return shape
