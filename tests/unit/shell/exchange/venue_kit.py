"""What the venue's tests share: a plain calendar, amounts from text, a venue that is easy to drive.

1. The session is 2013-10-08, 13:30 to 20:00 UTC (09:30 to 16:00 in New York); the day before and after
   trade alike, weekends do not.
2. `d("1.5")` is an amount scaled by 10^9. Nothing here replaces a part of the exchange.
"""

from decimal import Decimal

from kernel.reports import Quote
from kernel.units import Instant, Price, Quantity
from shell.exchange.venue.assets import make_asset
from shell.exchange.venue.model import Asset, OrderRequest, Refused, Update, VenueSettings
from shell.exchange.venue.venue import Venue

__all__ = ["CLOSE", "DAY", "MINUTE", "OPEN", "SECOND", "Desk", "WeekdayCalendar", "d", "order", "refusal"]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
OPEN = 1_381_239_000 * SECOND
"""2013-10-08T13:30:00Z, a Tuesday."""
CLOSE = OPEN + 390 * MINUTE


def d(text: str) -> int:
    """A decimal text as an integer scaled by 10^9."""
    scaled = Decimal(text).scaleb(9)
    assert scaled == int(scaled), f"{text} has more than nine decimals"
    return int(scaled)


class WeekdayCalendar:
    """Every weekday has a session from 13:30 to 20:00 UTC."""

    def session_of(self, at: int) -> tuple[int, int] | None:
        """Open and close of the day that contains `at`."""
        day = (at - 4 * 60 * MINUTE) // DAY  # New York is four hours behind in October
        if (day + 3) % 7 >= 5:  # 1970-01-01 was a Thursday: day 0 is 3 after a Monday
            return None
        start = day * DAY + (13 * 60 + 30) * MINUTE
        return start, start + 390 * MINUTE


def order(symbol: str, side: str, quantity: str | None, kind: str = "market", **more: object) -> OrderRequest:
    """A request with amounts as texts: `limit`, `stop`, `notional`; other fields by their own names."""
    amounts = {"limit": "limit_price", "stop": "stop_price", "notional": "notional"}
    fields: dict[str, object] = {"time_in_force": "gtc" if "/" in symbol else "day"}
    for name, value in more.items():
        fields[amounts.get(name, name)] = d(str(value)) if name in amounts else value
    made = OrderRequest(
        symbol=symbol,
        quantity=None if quantity is None else d(quantity),
        notional=None,
        side=side,
        type=kind,
        time_in_force="day",
    )
    return made._replace(**fields)  # type: ignore[arg-type]


class Desk:
    """A venue in its session: SPY and KO (equities), OCGN (whole shares only, no shorts), ETH/USD."""

    def __init__(self, now: int = OPEN + MINUTE, **settings: object) -> None:
        assets: list[Asset] = [
            make_asset("SPY", d("100")),
            make_asset("KO", d("50")),
            make_asset("OCGN", d("0.98"))._replace(fractionable=False, shortable=False, easy_to_borrow=False),
            make_asset("ETHUSD", d("350")),
            make_asset("GONE", d("10"))._replace(tradable=False),
        ]
        chosen = VenueSettings(price_improvement=False)._replace(**settings)  # type: ignore[arg-type]
        self.venue = Venue(chosen, assets, WeekdayCalendar())
        self.now = now

    def quote(self, symbol: str, bid: str, ask: str, bid_size: str = "1000", ask_size: str = "1000") -> None:
        """Publishes a quote at the desk's present."""
        self.venue.on_quote(
            Quote(
                symbol,
                Price(d(bid)),
                Price(d(ask)),
                Quantity(d(bid_size)),
                Quantity(d(ask_size)),
                Instant(self.now),
            ),
            self.now,
        )

    def at(self, now: int) -> None:
        """Goes to an instant, doing what falls due on the way."""
        assert now >= self.now
        self.now = now
        self.venue.advance(now)

    def send(self, request: OrderRequest) -> str:
        """Submits; the order's id."""
        return self.venue.submit(request, self.now).id

    def buy(self, symbol: str, quantity: str, kind: str = "market", **more: object) -> str:
        """Submits a buy; the order's id."""
        return self.send(order(symbol, "buy", quantity, kind, **more))

    def sell(self, symbol: str, quantity: str, kind: str = "market", **more: object) -> str:
        """Submits a sell; the order's id."""
        return self.send(order(symbol, "sell", quantity, kind, **more))

    def status(self, order_id: str) -> str:
        """An order's status."""
        return self.venue.order(order_id).status

    def updates(self) -> list[Update]:
        """What was published since the last call."""
        return self.venue.drain_updates()

    def events(self) -> list[str]:
        """The events published since the last call."""
        return [update.event for update in self.updates()]


def refusal(desk: Desk, request: OrderRequest) -> tuple[int, int | None, str]:
    """Status, code and message with which a request is refused; fails when it is not."""
    try:
        desk.venue.submit(request, desk.now)
    except Refused as refused:
        return refused.http_status, refused.code, refused.message
    raise AssertionError(f"was not refused: {request}")
