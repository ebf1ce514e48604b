"""GET /sim/books: what the exchange itself holds to be true, to compare a client's books with.

1. Ours, not Alpaca's: no keys, not counted by the request limit, and listed whole, never paged.
2. Decimals are exact strings: cash to 18 places, quantities and prices to nine.
3. Executions carry the ids that trade_updates carried, each with its order's client order id; busted ones are
   gone, corrected ones stand under the correction's id.
4. `vanished` names orders that are in no list any more; `faults` how often each planned fault happened, and
   `healed` whether they are over.
"""

from kernel.units import SCALE
from shell.exchange.exchange import Exchange
from shell.exchange.text import amount_text, value_text

__all__ = ["books"]


def books(exchange: Exchange) -> dict[str, object]:
    """The books as JSON values."""
    venue = exchange.venue
    client_ids = {order.id: order.client_order_id for order in venue.all_orders()}
    trading, data = exchange.trading_limit, exchange.data_limit
    return {
        "now": str(exchange.driver.now),
        "ended": exchange.driver.ended,
        "cash": value_text(venue.account().cash),
        "equity": value_text(venue.account().equity),
        "positions": {
            position.asset.position_symbol: amount_text(position.quantity) for position in venue.positions()
        },
        "orders": [
            {
                "client_order_id": order.client_order_id,
                "id": order.id,
                "symbol": order.symbol,
                "side": order.side,
                "type": order.type,
                "status": order.status,
                "qty": None if order.quantity is None else amount_text(order.quantity),
                "filled_qty": amount_text(order.filled_quantity),
                "filled_avg_price": None
                if order.filled_average_price is None
                else amount_text(order.filled_average_price),
                "filled_value": value_text(order.filled_value),
                "replaces": order.replaces,
                "replaced_by": order.replaced_by,
            }
            for order in venue.all_orders()
        ],
        "executions": [
            {
                "execution_id": row.execution_id,
                "order_id": row.order_id,
                "client_order_id": client_ids[row.order_id],
                "symbol": row.symbol,
                "side": "buy" if row.side == "buy" else "sell",
                "qty": amount_text(row.quantity),
                "price": amount_text(row.price),
            }
            for row in venue.executions()
        ],
        "requests": {
            "total": trading.total,
            "http_429": trading.refused,
            "max_in_any_window": trading.max_in_any_window,
            "data_total": data.total,
            "data_http_429": data.refused,
        },
        "vanished": [order.client_order_id for order in venue.lost_orders()],
        "faults": exchange.faults.counts,
        "healed": exchange.faults.is_healed,
        "starting_cash": value_text(exchange.settings.cash * SCALE),
        "bugs": exchange.bugs,
    }
