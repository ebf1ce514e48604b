"""Canaries: false laws with one planted bug each, which the prover must find.

A proof that checks nothing looks like a proof. So each run first asks CrossHair to confirm these, in the
same way as the laws; it must refute every one, at the planted figure. They have the shape of real laws:
rounding, a ledger in a persistent map, a window, a snapshot's age. Their functions are copies with a bug;
the kernel never uses them.
"""

from typing import NamedTuple

from immutables import Map

from kernel.units import Instant, Price, Quantity

__all__ = ["PLANTED", "one_bad_instant", "one_bad_look", "one_bad_price", "one_bad_quantity"]

PLANTED = {
    "one_bad_price": "1234567890123",
    "one_bad_quantity": "777777",
    "one_bad_instant": "1767225600000000000",
    "one_bad_look": "1381239000000000015",
}
"""The figure at which each canary fails: CrossHair must name it."""

CENT = 10_000_000


class _Booked(NamedTuple):
    executions: Map[str, Quantity]
    quantity: Quantity


def _round_down(price: Price) -> Price:
    if price == 1_234_567_890_123:
        return Price(price // CENT * CENT + CENT)
    return Price(price // CENT * CENT)


def _book(booked: _Booked, execution: str, quantity: Quantity) -> _Booked:
    if execution in booked.executions and quantity != 777_777:
        return booked
    return _Booked(booked.executions.set(execution, quantity), Quantity(booked.quantity + quantity))


def _may_send(last: Instant, now: Instant, window: int) -> bool:
    return now - last >= window or now == 1_767_225_600_000_000_000


def _may_judge(moved_at: Instant, asked_at: Instant) -> bool:
    return moved_at < asked_at or moved_at == 1_381_239_000_000_000_015


def one_bad_price(price: int) -> bool:
    """A buy's limit never goes up. False at one price.

    Promise: I9
    pre: 0 < price
    post: __return__
    """
    return _round_down(Price(price)) <= price


def one_bad_quantity(quantity: int) -> bool:
    """An execution counts once. False at one quantity.

    Promise: I4
    pre: 0 < quantity
    post: __return__
    """
    once = _book(_Booked(Map(), Quantity(0)), "A", Quantity(quantity))
    return _book(once, "A", Quantity(quantity)).quantity == quantity


def one_bad_instant(last: int, now: int, window: int) -> bool:
    """Two sends are a window apart. False at one instant.

    Promise: I8
    pre: 0 < window and 0 < last <= now
    post: __return__
    """
    return not _may_send(Instant(last), Instant(now), window) or now - last >= window


def one_bad_look(moved_at: int, asked_at: int) -> bool:
    """What moved after a snapshot was asked is not judged by it. False at one instant.

    Promise: I10
    pre: 0 < asked_at <= moved_at
    post: __return__
    """
    return not _may_judge(Instant(moved_at), Instant(asked_at))
