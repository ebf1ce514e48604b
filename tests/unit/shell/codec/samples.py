"""Small wire objects for the codec's tests, in the shape of recorded ones."""

import json
from typing import Any

from kernel.units import Instant

AT = Instant(1_800_000_000_000_000_000)
"""When the tests' events were taken in."""


def order(**changes: Any) -> dict[str, Any]:
    """An order as the paper endpoint showed it."""
    body: dict[str, Any] = {
        "id": "bf4ad4dc-42e9-40fd-85c6-afa5885fb04d",
        "client_order_id": "mqd-1-vwap_micro-000000001",
        "created_at": "2026-10-08T15:10:41.314758994Z",
        "updated_at": "2026-10-08T15:10:42.192587126Z",
        "submitted_at": "2026-10-08T15:10:41.321036357Z",
        "symbol": "OCGN",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "3",
        "filled_qty": "1",
        "filled_avg_price": "0.9808",
        "order_class": "",
        "order_type": "limit",
        "type": "limit",
        "side": "sell",
        "position_intent": "sell_to_close",
        "time_in_force": "day",
        "limit_price": "0.98",
        "stop_price": None,
        "status": "partially_filled",
        "extended_hours": False,
        "legs": None,
        "replaced_by": None,
        "replaces": None,
    }
    return body | changes


def update(
    event: str = "partial_fill", *, of: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A trade_updates frame, as an object."""
    data: dict[str, Any] = {
        "at": "2026-10-08T15:10:42.192900Z",
        "event_id": "01KYA98EMMAHZ1EAE2B7SQVP4M",
        "event": event,
        "timestamp": "2026-10-08T15:10:42.191100621Z",
        "execution_id": "e0000000-0000-0000-0000-000000000001",
        "price": "0.9808",
        "qty": "1",
        "position_qty": "-1",
        "order": order() if of is None else of,
    }
    return {"stream": "trade_updates", "data": data | changes}


def text(value: object) -> str:
    """JSON text."""
    return json.dumps(value)
