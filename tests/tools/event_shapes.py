"""`python -m tests.tools.event_shapes`: writes down the shapes of today's events, with their version.

The file (tests/unit/shell/journal/data/events_N.json) is what journals of version N hold. It is written anew
with each release and whenever EVENTS_VERSION is raised; tests/unit/shell/journal/test_versions.py holds
today's events against it, so that nobody makes old journals unreadable unawares.
"""

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from kernel.events import Event
from shell.journal import EVENTS_VERSION

__all__ = ["FOLDER", "differences", "path_of", "shapes"]

FOLDER: Final = Path(__file__).parents[1] / "unit" / "shell" / "journal" / "data"

Shapes = dict[str, Any]


def path_of(version: int) -> Path:
    """Where the shapes of a version are written down."""
    return FOLDER / f"events_{version}.json"


def shapes() -> Shapes:
    """Every class that an event leads to: its fields (name, type, optional) or its members' values."""
    found: Shapes = {}
    _describe(Event, found)
    return dict(sorted(found.items()))


def _describe(annotation: Any, found: Shapes) -> str:
    """The text of an annotation; describes the classes in it on the way."""
    annotation = getattr(annotation, "__supertype__", annotation)
    arguments = get_args(annotation)
    if arguments:
        origin = get_origin(annotation)
        name = "tuple" if origin is tuple else "union"
        texts = [_describe(one, found) for one in arguments if one is not Ellipsis]
        return f"{name}[{', '.join(sorted(texts) if name == 'union' else texts)}]"
    name = "None" if annotation is type(None) else annotation.__name__
    if name in found:
        return str(name)
    if hasattr(annotation, "_fields"):
        fields: list[list[object]] = []
        found[name] = fields
        hints = get_type_hints(annotation)
        fields.extend(
            [field, _describe(hints[field], found), field in annotation._field_defaults]
            for field in annotation._fields
        )
    elif issubclass(annotation, Enum):
        found[name] = sorted(member.value for member in annotation)
    return str(name)


def differences(old: Shapes, new: Shapes) -> list[str]:
    """Why events of the old shapes can't be read with the new ones; one line each."""
    problems = []
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            problems.append(f"{name} is gone")
        elif was and not isinstance(was[0], list):
            problems.extend(f"{name} lost its member {value}" for value in was if value not in now)
        else:
            problems.extend(_field_differences(name, was, now))
    return problems


def _field_differences(name: str, was: list[Any], now: list[Any]) -> list[str]:
    problems = []
    for index, (field, kind, _) in enumerate(was):
        if index >= len(now) or now[index][0] != field:
            problems.append(f"{name}.{field} is not field {index} any more")
        elif not _reads(kind, now[index][1]):
            problems.append(f"{name}.{field} was {kind} and is {now[index][1]}")
    problems.extend(
        f"{name}.{field} is new and has no default" for field, _, optional in now[len(was) :] if not optional
    )
    return problems


def _reads(was: str, now: str) -> bool:
    """Whether a value of the one text is read under the other: the same, or a union that grew."""
    return was == now or (_choices(was) <= _choices(now) and now.startswith("union["))


def _choices(text: str) -> set[str]:
    """The members of a union of plain names; anything else is one choice."""
    inner = text.removeprefix("union[")
    if inner == text or "[" in inner:
        return {text}
    return set(inner.removesuffix("]").split(", "))


def main() -> int:
    """Writes the file of today's version."""
    path = path_of(EVENTS_VERSION)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(shapes(), sort_keys=True).replace('], "', '],\n"') + "\n", encoding="utf-8")
    print(f"{path.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
