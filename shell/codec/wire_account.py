"""Account, positions and FILL activities.

1. The account's figures are exact; `blocked` is any of its three flags or a status that is not ACTIVE.
2. A position's average entry price is cut toward zero (Alpaca itself rounds it to six decimals); its
   quantities are exact, negative for a short. Symbols become the order form (`BTCUSD` -> `BTC/USD`).
3. One unreadable row spoils its list: what is missing from a list would look as if it were not there.
4. An activity that is not a FILL is not ours: it is noted and left out.

Source: Alpaca trading API v2, account, positions, account/activities/FILL.
"""

from typing import Final

from kernel.reports import AccountReport, ActivityRow, PositionRow
from kernel.units import Price, Quantity
from shell.codec.fields import Fields, Malformed, Notes, Problem, objects_of
from shell.codec.words import NO_PAIRS, SIDES, Pairs, order_symbol

__all__ = [
    "decode_account",
    "decode_activities",
    "decode_activity",
    "decode_position",
    "decode_positions",
]

_BLOCKS: Final = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


def decode_account(value: object, notes: Notes) -> AccountReport | Problem:
    """GET /v2/account."""
    try:
        fields = Fields(value, "account", notes)
        status = fields.text("status")
        multiplier = fields.exact("multiplier")
        return AccountReport(
            account_number=fields.text("account_number"),
            status=status,
            cash=fields.cash("cash"),
            equity=fields.cash("equity"),
            buying_power=fields.cash("buying_power"),
            non_marginable_buying_power=fields.cash("non_marginable_buying_power"),
            multiplier=multiplier // 1_000_000_000,
            shorting_enabled=fields.flag("shorting_enabled"),
            blocked=status != "ACTIVE" or True in [fields.flag(key) for key in _BLOCKS],
        )
    except Malformed as error:
        return Problem(str(error))


def decode_position(value: object, notes: Notes, pairs: Pairs = NO_PAIRS) -> PositionRow | Problem:
    """One row of GET /v2/positions."""
    try:
        return _position(value, "position", notes, pairs)
    except Malformed as error:
        return Problem(str(error))


def decode_positions(
    value: object, notes: Notes, pairs: Pairs = NO_PAIRS
) -> tuple[PositionRow, ...] | Problem:
    """GET /v2/positions."""
    try:
        return tuple(
            _position(row, f"positions[{index}]", notes, pairs)
            for index, row in enumerate(objects_of(value, "positions"))
        )
    except Malformed as error:
        return Problem(str(error))


def _position(value: object, where: str, notes: Notes, pairs: Pairs) -> PositionRow:
    fields = Fields(value, where, notes)
    quantity = fields.exact("qty")
    side = fields.text_or_none("side")
    if (side == "short" and quantity > 0) or (side == "long" and quantity < 0):
        raise fields.bad("side", f"{side} contradicts the sign of qty")
    return PositionRow(
        symbol=order_symbol(fields.text("symbol"), fields.text("asset_class"), pairs),
        quantity=Quantity(quantity),
        average_entry=Price(fields.cut("avg_entry_price")),
        available=Quantity(fields.exact("qty_available")),
    )


def decode_activity(value: object, notes: Notes, pairs: Pairs = NO_PAIRS) -> ActivityRow | Problem | None:
    """One row of the activities; None for one that is not a FILL (noted)."""
    try:
        return _activity(value, "activity", notes, pairs)
    except Malformed as error:
        return Problem(str(error))


def decode_activities(
    value: object, notes: Notes, pairs: Pairs = NO_PAIRS
) -> tuple[ActivityRow, ...] | Problem:
    """GET /v2/account/activities/FILL, in the order given; rows of other types are left out and noted."""
    try:
        rows = [
            _activity(row, f"activities[{index}]", notes, pairs)
            for index, row in enumerate(objects_of(value, "activities"))
        ]
    except Malformed as error:
        return Problem(str(error))
    return tuple(row for row in rows if row is not None)


def _activity(value: object, where: str, notes: Notes, pairs: Pairs) -> ActivityRow | None:
    fields = Fields(value, where, notes)
    kind = fields.text("activity_type")
    if kind != "FILL":
        notes.append(f"{where}: activity of type {kind}, not a FILL")
        return None
    side = fields.word("side", SIDES)
    if side is None:
        raise fields.bad("side", "missing or unknown")
    return ActivityRow(
        activity_id=fields.text("id"),
        broker_order_id=fields.text("order_id"),
        symbol=order_symbol(fields.text("symbol"), None, pairs),
        side=side,
        price=Price(fields.exact("price")),
        quantity=Quantity(fields.exact("qty")),
        cumulative_quantity=Quantity(fields.exact("cum_qty")),
        at=fields.instant("transaction_time"),
    )
