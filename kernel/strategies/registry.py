"""Which strategy a path means: names for code that the kernel may run.

The kernel imports nothing by name. The shell imports a strategy (`module:ATTRIBUTE`, or an entry point)
before the desk boots and registers it; the kernel resolves the path that the configuration gives.

Why this is no state of the desk: it holds code, not data. It is filled before the first event, a path never
comes to mean another object, and a replay that runs the same program finds the same strategies; which
strategy a desk runs, with which parameters, is in the Booted event and so in the journal.

Rules:
1. A path means one object for as long as the process lives: registering the same object again changes
   nothing, another one is refused.
2. A path that nobody registered is a bug of the shell, which must register before it boots: it raises.
3. Paths are plain text without spaces; built-ins have a short name and their `module:ATTRIBUTE`.
"""

from typing import Final

from kernel.strategies import vwap_mean_reversion, vwap_micro
from kernel.strategies.protocol import Strategy

__all__ = [
    "BUILT_IN",
    "STRATEGIES_MAX",
    "StrategyTaken",
    "StrategyUnknown",
    "is_registered",
    "register",
    "registered",
    "resolve",
]

STRATEGIES_MAX: Final = 1_000
"""More paths than this are refused: nobody runs so many, so it is a loop that registers."""

BUILT_IN: Final[tuple[tuple[str, Strategy], ...]] = (
    ("vwap_mean_reversion", vwap_mean_reversion.STRATEGY),
    ("kernel.strategies.vwap_mean_reversion:STRATEGY", vwap_mean_reversion.STRATEGY),
    ("vwap_micro", vwap_micro.STRATEGY),
    ("kernel.strategies.vwap_micro:STRATEGY", vwap_micro.STRATEGY),
)
"""What comes with the desk, by its names."""


class StrategyUnknown(LookupError):
    """Kernel bug: a path was resolved that nobody registered."""


class StrategyTaken(ValueError):
    """A path can't be registered: it already means another object, is malformed, or there are too many."""


_BY_PATH: Final[dict[str, Strategy]] = dict(BUILT_IN)


def register(path: str, strategy: Strategy) -> None:
    """Makes `path` mean `strategy`; raises StrategyTaken when it can't (rules 1 and 3)."""
    held = _BY_PATH.get(path)
    if held is strategy:
        return
    if held is not None:
        raise StrategyTaken(
            f"strategy {path!r}: already means {held.title!r}; a path never changes, use another"
        )
    if not path or path != "".join(path.split()):
        raise StrategyTaken(f"strategy {path!r}: a path is text without spaces, such as module:ATTRIBUTE")
    if len(_BY_PATH) >= STRATEGIES_MAX:
        raise StrategyTaken(f"strategy {path!r}: {STRATEGIES_MAX} paths are registered, no more are taken")
    _BY_PATH[path] = strategy


def is_registered(path: str) -> bool:
    """Whether `resolve` would find it."""
    return path in _BY_PATH


def resolve(path: str) -> Strategy:
    """What the path means; raises StrategyUnknown when nobody registered it."""
    strategy = _BY_PATH.get(path)
    if strategy is None:
        known = ", ".join(registered())
        raise StrategyUnknown(
            f"kernel bug: strategy {path!r} was not registered before boot; known are {known}"
        )
    return strategy


def registered() -> tuple[str, ...]:
    """Every path, sorted."""
    return tuple(sorted(_BY_PATH))
