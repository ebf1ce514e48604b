"""What a strategy is: a pure function from a closed bar and a view to proposals.

    on_bar(state, bar, view) -> (state, proposals)

Rules:
1. A strategy holds no reference to anything: its state is a value (a NamedTuple of integers, strings,
   tuples) that the desk keeps, journals by replay and shows.
2. It sees closed bars only, each exactly once, in order of their start, per symbol.
3. It proposes; the gate decides. A proposal may be refused, filled late, partly or never: the view, not
   the strategy's memory, says what it holds.
4. If it raises, it is quarantined: its open orders and position stay managed, no other strategy notices.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from kernel.reports import Bar, Quote
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.units import Duration, Instant, Price, Quantity, Value

__all__ = [
    "Amendment",
    "OpenOrder",
    "Params",
    "Proposal",
    "State",
    "Strategy",
    "View",
    "Wish",
    "Withdrawal",
]

State = Any  # purity-ok: each strategy's state is its own value type
"""Whatever a strategy keeps between bars; a value, never changed in place."""

Params = Mapping[str, int | str]
"""Parameters, complete with defaults: scaled integers, nanoseconds, or words."""


class Proposal(NamedTuple):
    """An order that a strategy would like; the desk rounds, checks, names and sends it."""

    tag: str
    """[a-z0-9_]+, unique for (strategy, symbol, bar): makes the intent's key, so a repeat is a duplicate."""
    symbol: str
    side: Side
    purpose: Purpose
    """ENTRY or EXIT. An EXIT that would not reduce the position is refused."""
    quantity: Quantity
    """Positive; rounded down to the lot by the desk."""
    type: OrderType
    limit_price: Price | None
    stop_price: Price | None
    time_in_force: TimeInForce
    time_to_live: Duration | None
    """Canceled by the desk when still open so long after it was proposed."""
    reason: str
    """One line for the journal and the operator, with its figures."""
    take_profit: Price | None = None
    """With an ENTRY: where the broker leaves in profit (a limit) once it is completely filled; rounded."""
    stop_loss: Price | None = None
    """Likewise in loss (a stop). Both make a bracket, one an OTO. Whole shares, DAY or GTC only."""
    stop_loss_limit: Price | None = None
    """Limit of that stop; None leaves at market."""


class Withdrawal(NamedTuple):
    """Cancel this strategy's open entries of a symbol, or with `exits` what the broker holds to leave it."""

    symbol: str
    reason: str
    exits: bool = False
    """Cancel the exits of filled entries too: until they have ended nothing else can leave."""


class Amendment(NamedTuple):
    """Change one of this strategy's open orders: the same order, other terms; it keeps its time to live.

    The order loses its place in the queue. While the change is pending both terms count, and a second one is
    refused. Fractions of shares can't be changed at Alpaca.
    """

    tag: str
    """As a proposal's, and among them: a repeat within the bar is a duplicate."""
    symbol: str
    order: str
    """Its name, as the view tells it."""
    quantity: Quantity | None
    """The new total, what has been filled included; None leaves it."""
    limit_price: Price | None
    """None leaves it."""
    stop_price: Price | None
    """None leaves it."""
    reason: str


Wish = Proposal | Amendment | Withdrawal
"""What a strategy may answer a bar with."""


class OpenOrder(NamedTuple):
    """One of the strategy's own orders that may still fill."""

    name: str
    purpose: Purpose
    side: Side
    type: OrderType
    quantity: Quantity
    """In all."""
    filled: Quantity
    limit_price: Price | None
    stop_price: Price | None
    is_settled: bool
    """It stands at the broker and nothing is pending: only then may it be amended."""


class View(NamedTuple):
    """What a strategy may know besides the bar: its own holdings and the session."""

    now: Instant
    quote: Quote | None
    position: Quantity
    """This strategy's signed position in the bar's symbol."""
    average_entry: Price | None
    """Of that position; None when flat."""
    opened_at: Instant | None
    """When that position was opened."""
    open_entries: int
    """This strategy's entry orders on the symbol that may still fill (in doubt included)."""
    open_exits: int
    """Likewise its exit orders."""
    entries_today: int
    """Round trips begun today by this strategy (first fill of an entry counts), session day."""
    realized_today: Value
    """Realized profit and loss of this strategy in this session day, exact."""
    session_day: int
    """yyyymmdd of the session (New York for equities, UTC for crypto), 0 when there is none."""
    session_open: Instant | None
    """Regular open of that day."""
    session_close: Instant | None
    """Regular close of that day (early closes included)."""
    minute_of_day: int
    """Minutes since local midnight (New York for equities, UTC for crypto) of the bar's end."""
    orders: tuple[OpenOrder, ...] = ()
    """Its own open orders of the symbol, by name; none are told while the symbol has more than 200 open."""


class Strategy(Protocol):
    """A strategy as a value with pure methods. `state` is whatever `initial` returned."""

    @property
    def title(self) -> str:
        """A name for people."""
        ...

    @property
    def defaults(self) -> Params:
        """Every parameter with its default; a key outside is refused."""
        ...

    def validate(self, params: Params) -> tuple[str, ...]:
        """What is wrong with these parameters: one line each, empty when nothing is."""
        ...

    def warmup_bars(self, params: Params) -> int:
        """How many closed bars of a symbol it needs before it can propose."""
        ...

    def initial(self, params: Params, symbol: str) -> State:
        """The state before the first bar of a symbol (one state for each symbol)."""
        ...

    def on_bar(self, params: Params, state: State, bar: Bar, view: View) -> tuple[State, tuple[Wish, ...]]:
        """The next state and what it proposes."""
        ...
