"""A strategy that does what its script says, bar by bar: for tests that need a proposal at a certain moment.

The parameter `script` has a word for each bar, separated by spaces (beyond the last one nothing happens):

    -        nothing
    b10      buy 10 at market            b10@166.50  buy 10 at most at 166.50
    b10+170.00-160.00  with exits: take profit there, stop the loss there (either may be left out)
    s10      exit: sell 10 at market     s10@166.50  exit: sell 10 at least at 166.50
    a@166.00 amend its first open order to that limit; a5 to that total; a5@166.00 to both
    w        withdraw its open entries   x        withdraw the exits of its entries
    raise    raise                       junk        return what is no proposal
"""

from kernel.config import StrategyConfig
from kernel.reports import Bar
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Amendment, Params, Proposal, View, Wish, Withdrawal
from kernel.strategies.registry import register
from kernel.units import SCALE, Duration, Price, Quantity
from tests.unit.kernel.scripts import SYMBOL

__all__ = ["PATH", "actor"]

PATH = "tests.acting:STRATEGY"


class Acting:
    """The strategy; its state counts bars."""

    title = "does what its script says"

    @property
    def defaults(self) -> Params:
        return {"script": "", "ttl": 0}

    def validate(self, params: Params) -> tuple[str, ...]:
        return ()

    def warmup_bars(self, params: Params) -> int:
        return 0

    def initial(self, params: Params, symbol: str) -> int:
        return 0

    def on_bar(self, params: Params, state: int, bar: Bar, view: View) -> tuple[int, tuple[Wish, ...]]:
        words = str(params["script"]).split()
        word = words[state] if state < len(words) else "-"
        if word == "raise":
            raise ValueError("as the script says <object at 0x7f00>")
        if word == "junk":
            return state + 1, ("junk",)  # type: ignore[return-value]
        if word == "w":
            return state + 1, (Withdrawal(bar.symbol, "as the script says"),)
        if word == "x":
            return state + 1, (Withdrawal(bar.symbol, "as the script says", exits=True),)
        if word == "-":
            return state + 1, ()
        if word[0] == "a":
            return state + 1, (self.amendment(word, bar, view),)
        return state + 1, (self.proposal(word, bar, int(params["ttl"])),)

    def amendment(self, word: str, bar: Bar, view: View) -> Amendment:
        amount, at, price = word[1:].partition("@")
        return Amendment(
            tag="a",
            symbol=bar.symbol,
            order=view.orders[0].name if view.orders else "none",
            quantity=Quantity(int(amount) * SCALE) if amount else None,
            limit_price=Price(int(price.replace(".", "")) * SCALE // 100) if at else None,
            stop_price=None,
            reason=word,
        )

    def proposal(self, word: str, bar: Bar, ttl: int) -> Proposal:
        terms, _, stop = word[1:].partition("-")
        terms, _, profit = terms.partition("+")
        amount, at, price = terms.partition("@")
        limit = price_of(price)
        is_entry = word[0] == "b"
        return Proposal(
            tag=f"{word[0]}",
            symbol=bar.symbol,
            side=Side.BUY if is_entry else Side.SELL,
            purpose=Purpose.ENTRY if is_entry else Purpose.EXIT,
            quantity=Quantity(int(amount) * SCALE),
            type=OrderType.LIMIT if at else OrderType.MARKET,
            limit_price=limit,
            stop_price=None,
            time_in_force=TimeInForce.DAY,
            time_to_live=Duration(ttl) if ttl else None,
            reason=word,
            take_profit=price_of(profit),
            stop_loss=price_of(stop),
        )


def price_of(text: str) -> Price | None:
    """`166.50` as a price; None for no text."""
    whole, _, rest = text.partition(".")
    return Price(int(whole + rest) * SCALE // 10 ** len(rest)) if text else None


STRATEGY = Acting()
register(PATH, STRATEGY)


def actor(script: str, name: str = "actor", ttl: int = 0, symbol: str = SYMBOL) -> StrategyConfig:
    """A configured seat with a script."""
    return StrategyConfig(name, PATH, (symbol,), (("script", script), ("ttl", ttl)))
