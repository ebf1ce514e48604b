"""From a change of an order's booked quantity to a Fill: seat, session day and fees."""

from typing import Final

from kernel.desk import Turn
from kernel.orders.record import Order
from kernel.portfolio.holdings import Fill, taken_fee
from kernel.seats import seat_of
from kernel.session.days import day_of
from kernel.symbols.rules import AssetClass
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Quantity, Value

__all__ = ["fill_of"]

CRYPTO: Final = AssetClass.CRYPTO


def fill_of(turn: Turn, order: Order, quantity: Quantity, value: Value) -> Fill:
    """The fill that a change of `quantity` and `value` of `order` is."""
    ticket = order.ticket
    rules = turn.rules.get(ticket.symbol)
    is_crypto = rules is not None and rules.asset_class is CRYPTO
    fee_quantity, fee_value = ZERO_QUANTITY, ZERO_VALUE
    if is_crypto:
        fee_quantity, fee_value = taken_fee(ticket.side, quantity, value, turn.config.crypto_fee)
    return Fill(
        seat_of(order.strategy, ticket.symbol),
        ticket.symbol,
        ticket.side,
        quantity,
        value,
        fee_quantity,
        fee_value,
        turn.at,
        day_of(turn.at, is_crypto),
    )
