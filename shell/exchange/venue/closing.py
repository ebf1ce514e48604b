"""Closing positions, looking them up, and paging through executions.

1. A position is closed by an ordinary market order of the other side, with all of its checks: what open
   orders hold cannot be closed until they are canceled.
2. A part is given as a quantity or as a percentage, which is cut to nine decimals.
3. Executions are listed newest first unless asked otherwise; `page_token` is the last id already seen.
"""

from collections.abc import Sequence
from itertools import dropwhile, islice
from typing import Final

from kernel.units import SCALE
from shell.exchange.venue import refusals
from shell.exchange.venue.answers import Position
from shell.exchange.venue.engine import Engine
from shell.exchange.venue.model import Activity, ActivityQuery, OrderRequest

__all__ = ["ACTIVITIES_PAGE_MAX", "activity_page", "closing_request", "position_of"]

ACTIVITIES_PAGE_MAX: Final = 100
"""Rows in one answer of GET /v2/account/activities, whatever was asked for."""

_WHOLE_PERCENT: Final = 100 * SCALE


def position_of(engine: Engine, symbol_or_id: str) -> Position:
    """The position in an asset, by any of its names; refused (404) when there is none."""
    asset = engine.assets.find(symbol_or_id)
    position = None if asset is None else engine.holdings.position(asset)
    if position is None:
        raise refusals.position_not_found()
    return position


def closing_request(
    engine: Engine, symbol_or_id: str, quantity: int | None, percentage: int | None
) -> OrderRequest:
    """The market order that closes so much of a position; refused when the parameters make no sense."""
    position = position_of(engine, symbol_or_id)
    if quantity is not None and percentage is not None:
        raise refusals.parameter("only one of qty or percentage is accepted")
    size = abs(position.quantity)
    if percentage is not None:
        if not 0 < percentage <= _WHOLE_PERCENT:
            raise refusals.parameter("percentage must be between 0 and 100")
        quantity = size * percentage // _WHOLE_PERCENT
    return OrderRequest(
        symbol=position.asset.symbol,
        quantity=size if quantity is None else quantity,
        notional=None,
        side="sell" if position.quantity > 0 else "buy",
        type="market",
        time_in_force="gtc" if position.asset.is_crypto else "day",
    )


def activity_page(rows: Sequence[Activity], query: ActivityQuery) -> list[Activity]:
    """One page of executions; refused when the token is none of theirs."""
    ordered = iter(rows) if query.direction == "asc" else reversed(rows)
    if query.page_token is not None:
        ordered = dropwhile(lambda row: row.id != query.page_token, ordered)
        if next(ordered, None) is None:
            raise refusals.parameter("invalid page_token")
    found = (
        row
        for row in ordered
        if (query.after is None or row.transaction_time > query.after)
        and (query.until is None or row.transaction_time < query.until)
        and (query.order_id is None or row.order_id == query.order_id)
    )
    return list(islice(found, max(1, min(query.page_size, ACTIVITIES_PAGE_MAX))))
