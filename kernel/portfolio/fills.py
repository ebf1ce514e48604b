"""From a change of an order's booked quantity to a Fill: seat, session day and fees."""

from typing import Final

from kernel.desk import Turn
from kernel.orders.record import Order
from kernel.portfolio.holdings import Fill, book_fill, taken_fee
from kernel.seats import seat_of, symbol_of
from kernel.session.days import day_of
from kernel.sides import Side
from kernel.symbols.rules import AssetClass
from kernel.units import ZERO_QUANTITY, ZERO_VALUE, Quantity, Value

__all__ = ["charge_coins", "fill_of", "is_coin"]

CRYPTO: Final = AssetClass.CRYPTO


def is_coin(turn: Turn, symbol: str) -> bool:
    """Whether a symbol is a coin pair: as its rules say, or by its form while they are not known."""
    rules = turn.rules.get(symbol)
    return "/" in symbol if rules is None else rules.asset_class is CRYPTO


def fill_of(turn: Turn, order: Order, quantity: Quantity, value: Value) -> Fill:
    """The fill that a change of `quantity` and `value` of `order` is."""
    ticket = order.ticket
    symbol, side = ticket.symbol, ticket.side
    is_crypto = is_coin(turn, symbol)
    fee_quantity, fee_value = ZERO_QUANTITY, ZERO_VALUE
    if is_crypto:
        fee_quantity, fee_value = taken_fee(side, quantity, value, turn.config.crypto_fee)
    at = turn.at
    seat = seat_of(order.strategy, symbol)
    return Fill(seat, symbol, side, quantity, value, fee_quantity, fee_value, at, day_of(at, is_crypto))


def charge_coins(turn: Turn, symbol: str, quantity: Quantity) -> bool:
    """Takes coins that a fee cost from the seat that holds most of them; False when none holds so much."""
    seats = turn.holdings.seats
    held = [(seats[seat].quantity, seat) for seat in seats if symbol_of(seat) == symbol]
    most, seat = max(held, default=(ZERO_QUANTITY, ""))
    if most < quantity:
        return False
    at = turn.at
    fill = Fill(seat, symbol, Side.BUY, ZERO_QUANTITY, ZERO_VALUE, quantity, ZERO_VALUE, at, day_of(at, True))
    turn.holdings, _ = book_fill(turn.holdings, fill)
    return True
