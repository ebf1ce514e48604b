"""Strategies by name: from `module:ATTRIBUTE` or an entry point to an object that the kernel may run.

Rules:
1. A strategy that can't be loaded is one line: which one, why, what to do; exit code 5. Whatever its import
   raises is part of that line, not a traceback.
2. Loading registers the object in the kernel (kernel/strategies/registry.py) under the path as the
   configuration gives it, so that a replay of the journal finds it again.
3. `module:Class` works too: the class is called without arguments.
4. Strategies run with all rights of the process: a name is loaded only because the configuration names it.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, cast

from kernel.config import DeskConfig
from kernel.strategies.protocol import Strategy
from kernel.strategies.registry import StrategyTaken, is_registered, register, resolve
from shell.errors import Complaint, ExitCode

__all__ = ["ENTRY_POINT_GROUP", "load_strategies", "load_strategy"]

ENTRY_POINT_GROUP: Final = "miniquantdesk.strategies"

METHODS: Final = ("validate", "warmup_bars", "initial", "on_bar")
VALUES: Final = ("title", "defaults")


class StrategyComplaint(Complaint):
    """A strategy that can't be used."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"strategy {path!r}: {what}", ExitCode.STRATEGY)


def load_strategies(config: DeskConfig) -> tuple[Strategy, ...]:
    """Loads and registers every strategy of a configuration; Complaint for the first that can't be."""
    return tuple(load_strategy(strategy.path) for strategy in config.strategies)


def load_strategy(path: str) -> Strategy:
    """The strategy that `path` names, registered under it; Complaint where there is none."""
    if is_registered(path):
        return resolve(path)
    try:
        found = _import(path) if ":" in path else _entry_point(path, entry_points(group=ENTRY_POINT_GROUP))
        if isinstance(found, type):
            found = found()
    except Complaint:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code may raise anything
        cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise StrategyComplaint(path, f"can't be imported ({cause}); mend it or its path") from None
    strategy = _checked(path, found)
    try:
        register(path, strategy)
    except StrategyTaken as error:
        raise Complaint(str(error), ExitCode.STRATEGY) from None
    return strategy


def _import(path: str) -> Any:
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute.isidentifier():
        raise StrategyComplaint(path, "is not module:ATTRIBUTE")
    module = import_module(module_name)
    if not hasattr(module, attribute):
        raise StrategyComplaint(path, f"the module {module_name} has no {attribute}")
    return getattr(module, attribute)


def _entry_point(path: str, points: Iterable[Any]) -> Any:
    known = {point.name: point for point in points}
    if path not in known:
        names = ", ".join(sorted(known)) or "none is installed"
        raise StrategyComplaint(
            path, f"no such entry point in {ENTRY_POINT_GROUP} ({names}); give module:ATTRIBUTE"
        )
    return known[path].load()


def _checked(path: str, found: Any) -> Strategy:
    lacking = [name for name in METHODS if not callable(getattr(found, name, None))]
    lacking += [name for name in VALUES if not hasattr(found, name)]
    if lacking:
        raise StrategyComplaint(
            path, f"is no strategy: it lacks {', '.join(lacking)} (see kernel/strategies/protocol.py)"
        )
    return cast("Strategy", found)
