"""Families: an entry with exits that the broker holds, those exits, and what we do when they fail. Pure.

    entry    a ticket of class bracket or oto (an oco's parent, adopted: its exit in profit)
    legs     its exits, made and named by the broker; known as soon as any answer tells them
    repairs  orders of ours for it: a cover for exits that will not come, a close of what was sold twice

Rules (shared with specs/law_brackets.py):
1. Exits are held until their entry is completely filled. Until then they claim what it has filled so far:
   it may be full at any moment, and then they sell all of it. Who wants out before withdraws the entry.
2. Of the exits of one entry one can fill, so together they claim the larger of what both may still do; held
   ones too once the entry is filled, for the broker may wake them at any moment.
3. While the exits of a filled entry are not known they claim all that it filled: nothing leaves twice.
4. Held is what the family's fills add up to. What is held and no live exit claims is uncovered; what was
   sold beyond it is excess. Both only once the entry has ended: before, its fills may be unknown.

Quantities are 10^-9, on the entry's side where signed. What follows from these figures is in brackets.py.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from kernel.orders.chart import OrderStatus
from kernel.orders.record import NEVER, Order, is_leg, is_open, leaves, reserved
from kernel.sides import Purpose
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Instant, Quantity, Value

__all__ = ["NO_FAMILY", "Family", "claim_of", "claimed", "excess", "held_of", "joined_by", "uncovered"]

FILLED: Final = OrderStatus.FILLED
DORMANT: Final = OrderStatus.DORMANT


class Family(NamedTuple):
    """Who belongs to an entry, what its exits claim, and how far it is looked after."""

    legs: tuple[str, ...]
    repairs: tuple[str, ...]
    claim: Quantity
    """What the legs together may still do, as it is in the tallies."""
    worth: Value
    """Likewise in money."""
    due: Instant
    """When it is looked after next; NEVER for not planned. An earlier deadline takes its place."""
    next_look_at: Instant
    """When the broker is asked for the legs again; NEVER for not planned."""
    looks: int
    """How often it was asked."""
    empties: int
    """Answers that had the entry and no legs."""
    is_bare: bool
    """Given up: there are no legs."""
    said: str
    """What a person was told last of its trouble; empty for nothing."""


NO_FAMILY: Final = Family((), (), ZERO_QUANTITY, ZERO_VALUE, NEVER, NEVER, 0, 0, False, "")


def joined_by(family: Family, order: Order) -> Family:
    """The family with one more member, if it is not one already."""
    name = order.client_order_id
    if is_leg(order):
        return family if name in family.legs else family._replace(legs=(*family.legs, name))
    return family if name in family.repairs else family._replace(repairs=(*family.repairs, name))


def claimed(is_filled: bool, exits: Iterable[tuple[Quantity, bool]]) -> Quantity:
    """Rules 1 and 2: of exits, each with what it may still do and whether it is live already."""
    return Quantity(max((left for left, is_live in exits if is_live or is_filled), default=0))


def claim_of(family: Family, entry: Order, legs: Iterable[Order]) -> Quantity:
    """What the family's legs together may still do (rules 1 to 3); an oco's parent counts by itself."""
    is_oco = entry.ticket.purpose is not Purpose.ENTRY
    is_filled = is_oco or entry.status is FILLED
    if not is_oco and not family.is_bare and is_open(entry):
        # Its exits wake for all of it the moment it is full: what it filled so far is theirs already.
        live = claimed(False, ((leaves(leg), leg.status is not DORMANT) for leg in legs))
        return Quantity(max(live, entry.ledger.quantity))
    if not family.legs:
        is_unknown = entry.status is FILLED and not is_oco and not family.is_bare
        return entry.ledger.quantity if is_unknown else ZERO_QUANTITY
    claim = claimed(is_filled, ((leaves(leg), leg.status is not DORMANT) for leg in legs))
    return Quantity(max(0, claim - reserved(entry))) if is_oco else claim


def held_of(entry: Order, others: Iterable[Order]) -> Quantity:
    """What the family's fills add up to (rule 4); negative where more left than came."""
    side = entry.ticket.side
    held = entry.ledger.quantity if entry.ticket.purpose is Purpose.ENTRY else 0
    for order in others:
        held += order.ledger.quantity if order.ticket.side is side else -order.ledger.quantity
    return Quantity(held)


def uncovered(held: int, live: int) -> Quantity:
    """What is held and no live exit (`live` in sum) may still take back."""
    return Quantity(max(0, held - live))


def excess(held: int, closing: int) -> Quantity:
    """What left beyond what came, less what is being closed already."""
    return Quantity(max(0, -held - closing))
