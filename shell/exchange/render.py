"""The venue's records as Alpaca's JSON objects (dicts of strings, booleans and nulls).

1. Field names and their order are those of recorded payloads; figures are decimal strings.
2. `order` is the REST form; the stream's form has cancel_requested_at and lacks subtag and source.
3. Orders and assets use `ETH/USD`; positions use `ETHUSD`.
4. Where Alpaca rounds (average entry price to 6 decimals, percentages to 5, account money to cents), so does
   this.

It ignores what is not tradable here: options, watchlists.
"""

from datetime import date, timedelta

from kernel.session.calendar import Session
from shell.exchange.hours import Hours
from shell.exchange.text import (
    amount_text,
    day_text,
    instant_of_day,
    instant_text,
    micros_text,
    new_york,
    new_york_text,
    quotient_text,
    value_text,
)
from shell.exchange.venue.answers import Account, Position
from shell.exchange.venue.model import Activity, Asset, Update, VenueOrder

__all__ = [
    "account",
    "activity",
    "asset",
    "calendar_day",
    "clock",
    "configurations",
    "order",
    "position",
    "stream_order",
    "trade_update",
]

Json = dict[str, object]

_ACCOUNT_OPENED = "2026-07-22T00:40:26.776619Z"


def _amount(amount: int | None) -> str | None:
    return None if amount is None else amount_text(amount)


def _instant(instant: int | None) -> str | None:
    return None if instant is None else instant_text(instant)


def stream_order(record: VenueOrder) -> Json:
    """An order as trade_updates shows it."""
    return {
        "id": record.id,
        "client_order_id": record.client_order_id,
        "created_at": instant_text(record.created_at),
        "updated_at": instant_text(record.updated_at),
        "submitted_at": instant_text(record.submitted_at),
        "filled_at": _instant(record.filled_at),
        "expired_at": _instant(record.expired_at),
        "cancel_requested_at": _instant(record.cancel_requested_at),
        "canceled_at": _instant(record.canceled_at),
        "failed_at": _instant(record.failed_at),
        "replaced_at": _instant(record.replaced_at),
        "replaced_by": record.replaced_by,
        "replaces": record.replaces,
        "asset_id": record.asset_id,
        "symbol": record.symbol,
        "asset_class": record.asset_class,
        "notional": _amount(record.notional),
        "qty": _amount(record.quantity),
        "filled_qty": amount_text(record.filled_quantity),
        "filled_avg_price": _amount(record.filled_average_price),
        "order_class": record.order_class,
        "order_type": record.type,
        "type": record.type,
        "side": record.side,
        "position_intent": record.position_intent,
        "time_in_force": record.time_in_force,
        "limit_price": _amount(record.limit_price),
        "stop_price": _amount(record.stop_price),
        "status": record.status,
        "extended_hours": record.extended_hours,
        "legs": None if record.legs is None else [stream_order(leg) for leg in record.legs],
        "trail_percent": _amount(record.trail_percent),
        "trail_price": _amount(record.trail_price),
        "hwm": _amount(record.hwm),
        "expires_at": _instant(record.expires_at),
    }


def order(record: VenueOrder) -> Json:
    """An order as REST answers it."""
    shown = stream_order(record)
    del shown["cancel_requested_at"]
    shown["legs"] = None if record.legs is None else [order(leg) for leg in record.legs]
    shown["subtag"] = None
    shown["source"] = None
    return shown


def trade_update(update: Update, hours: Hours) -> Json:
    """One trade_updates message, its envelope included."""
    data: Json = {
        "at": micros_text(update.at),
        "event_id": update.event_id,
        "event": update.event,
        "timestamp": instant_text(update.timestamp),
        "order": stream_order(update.order),
    }
    if update.price is not None:
        data["price"] = amount_text(update.price)
    if update.quantity is not None:
        data["qty"] = amount_text(update.quantity)
    if update.position_quantity is not None:
        data["position_qty"] = amount_text(update.position_quantity)
    if update.execution_id is not None:
        data["execution_id"] = update.execution_id
    if update.previous_execution_id is not None:
        data["previous_execution_id"] = update.previous_execution_id
    if update.price is not None:
        is_crypto = update.order.asset_class == "crypto"
        if is_crypto:
            data["swap_rate"] = "1"
        data["settle_date"] = day_text(_settle_day(update.timestamp, is_crypto, hours))
    return {"stream": "trade_updates", "data": data}


def _settle_day(executed: int, is_crypto: bool, hours: Hours) -> date:
    """The execution's New York day for crypto, the next session day for equities."""
    today = new_york(executed).date()
    if is_crypto:
        return today
    opening = hours.next_open(instant_of_day(today) + 8 * 3_600 * 1_000_000_000)
    return today + timedelta(days=1) if opening is None else new_york(opening).date()


def asset(record: Asset) -> Json:
    """An asset; the crypto figures only on crypto."""
    requirement = 30 if record.marginable else 100
    shown: Json = {
        "id": record.id,
        "class": record.asset_class,
        "exchange": record.exchange,
        "symbol": record.symbol,
        "name": record.name,
        "status": record.status,
        "tradable": record.tradable,
        "marginable": record.marginable,
        "maintenance_margin_requirement": requirement,
        "margin_requirement_long": str(requirement),
        "margin_requirement_short": str(requirement),
        "shortable": record.shortable,
        "easy_to_borrow": record.easy_to_borrow,
        "borrow_status": "easy_to_borrow" if record.easy_to_borrow else "hard_to_borrow",
        "fractionable": record.fractionable,
        "attributes": [],
    }
    if record.is_crypto:
        shown["min_order_size"] = amount_text(record.min_order_size)
        shown["min_trade_increment"] = amount_text(record.min_trade_increment)
        shown["price_increment"] = amount_text(record.price_increment)
    return shown


def position(record: Position) -> Json:
    """A position, its symbol without a slash."""
    unrealized = value_text(record.unrealized, 6)
    share = quotient_text(record.unrealized, abs(record.cost_basis), 5)
    change = quotient_text(record.current_price - record.lastday_price, record.lastday_price, 5)
    return {
        "asset_id": record.asset.id,
        "symbol": record.asset.position_symbol,
        "exchange": record.asset.exchange,
        "asset_class": record.asset.asset_class,
        "asset_marginable": record.asset.marginable,
        "qty": amount_text(record.quantity),
        "qty_available": amount_text(record.available),
        "avg_entry_price": quotient_text(record.average_entry_price, 10**9, 6),
        "side": record.side,
        "market_value": value_text(record.market_value, 6),
        "cost_basis": value_text(record.cost_basis, 6),
        "unrealized_pl": unrealized,
        "unrealized_plpc": share,
        "unrealized_intraday_pl": unrealized,
        "unrealized_intraday_plpc": share,
        "current_price": amount_text(record.current_price),
        "lastday_price": amount_text(record.lastday_price),
        "change_today": change,
    }


def account(record: Account, now: int) -> Json:
    """The account; money is rounded to cents, as Alpaca shows it."""
    market_value = record.long_market_value + record.short_market_value
    return {
        "id": record.id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": record.account_number,
        "status": record.status,
        "crypto_status": "ACTIVE",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "currency": record.currency,
        "buying_power": value_text(record.buying_power, 2),
        "regt_buying_power": value_text(record.regt_buying_power, 2),
        "effective_buying_power": value_text(record.buying_power, 2),
        "non_marginable_buying_power": value_text(record.non_marginable_buying_power, 2),
        "options_buying_power": "0",
        "cash": value_text(record.cash, 2),
        "accrued_fees": value_text(record.accrued_fees, 2),
        "portfolio_value": value_text(record.equity, 2),
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "created_at": _ACCOUNT_OPENED,
        "trade_suspended_by_user": False,
        "multiplier": str(record.multiplier),
        "shorting_enabled": record.shorting_enabled,
        "equity": value_text(record.equity, 2),
        "last_equity": value_text(record.last_equity, 2),
        "long_market_value": value_text(record.long_market_value, 2),
        "short_market_value": value_text(record.short_market_value, 2),
        "position_market_value": value_text(market_value, 2),
        "initial_margin": value_text(record.initial_margin, 2),
        "maintenance_margin": value_text(record.maintenance_margin, 2),
        "last_maintenance_margin": "0",
        "sma": value_text(record.equity, 2),
        "balance_asof": day_text(new_york(now).date() - timedelta(days=1)),
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
    }


def configurations(shorting_enabled: bool) -> Json:
    """The account's configuration; read-only here."""
    return {
        "fractional_trading": True,
        "max_margin_multiplier": "4",
        "no_shorting": not shorting_enabled,
        "suspend_trade": False,
        "trade_confirm_email": "none",
        "ptp_no_exception_entry": False,
        "max_options_trading_level": None,
        "disable_overnight_trading": False,
    }


def activity(record: Activity) -> Json:
    """A FILL row: without a client order id and without the execution's id, as Alpaca's."""
    return {
        "id": record.id,
        "activity_type": "FILL",
        "transaction_time": micros_text(record.transaction_time),
        "type": record.type,
        "price": amount_text(record.price),
        "qty": amount_text(record.quantity),
        "side": record.side,
        "symbol": record.symbol,
        "leaves_qty": amount_text(record.leaves_quantity),
        "order_id": record.order_id,
        "cum_qty": amount_text(record.cumulative_quantity),
        "order_status": record.order_status,
    }


def clock(now: int, hours: Hours) -> Json:
    """The market clock, with New York's offset."""
    opening, closing = hours.next_open(now), hours.next_close(now)
    return {
        "timestamp": new_york_text(now),
        "is_open": hours.is_open(now),
        "next_open": None if opening is None else new_york_text(opening),
        "next_close": None if closing is None else new_york_text(closing),
    }


def calendar_day(session: Session, hours: Hours) -> Json:
    """One day of /v2/calendar, times in New York."""
    following = hours.next_open(session.open)
    settled = "" if following is None else day_text(new_york(following).date())
    return {
        "date": day_text(new_york(session.open).date()),
        "open": new_york(session.open).strftime("%H:%M"),
        "close": new_york(session.close).strftime("%H:%M"),
        "session_open": new_york(session.pre_open).strftime("%H%M"),
        "session_close": new_york(session.post_close).strftime("%H%M"),
        "settlement_date": settled,
    }
