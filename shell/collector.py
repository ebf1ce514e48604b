"""How the interpreter's garbage collector is kept from stopping a session.

A full collection looks through every record of the Desk: about a second of work with 100,000 orders, in which
nothing trades. Kernel values refer to no cycles, so it would find nothing among them.

1. What is there when trading begins (modules, the replayed Desk) is collected once, then left alone.
2. After that, young objects are looked through as often as ever; full collections are COLLECTIONS_FACTOR
   times as rare. They are not switched off: a broken connection's exception may well leave a cycle behind.
3. When the session ends everything is as it was.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["COLLECTIONS_FACTOR", "calm_collector"]

COLLECTIONS_FACTOR: Final = 100
"""Middle collections before a full one: so many times Python's ten."""


@contextmanager
def calm_collector() -> Iterator[None]:
    """For the time of a session: short pauses, whatever the Desk holds."""
    young, middle, full = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, full * COLLECTIONS_FACTOR)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, full)
        gc.unfreeze()
