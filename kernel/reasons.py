"""Why the desk said no, or wants to be looked at: stable codes, a closed set.

A code never changes its meaning and is never used again for another one: reports, alerts, journals
and people's scripts rely on them. docs/reasons.md is generated from this file.

Two families:
- RefusalCode: the gate's and the desk's refusals of an intent (policy said no).
- Anomaly: something the broker or the network did that a person may want to see; trading goes on as the
  rule beside it says.
"""

from enum import Enum
from typing import NamedTuple

__all__ = ["Anomaly", "Refusal", "RefusalCode"]


class RefusalCode(Enum):
    """Why an intent was not turned into an order."""

    MODE = "mode"
    """The desk's mode does not allow entries."""
    LINK = "link"
    """The order stream is not live, so fills could be missed."""
    DRIFT = "drift"
    """Our books and the broker's are not known to agree."""
    STRATEGY = "strategy"
    """The strategy is not active."""
    SYMBOL_UNKNOWN = "symbol_unknown"
    """The broker has not told us the symbol's rules."""
    SYMBOL_EXPIRED = "symbol_expired"
    """The symbol's rules are older than allowed."""
    NOT_TRADABLE = "not_tradable"
    """The broker says that the symbol can't be traded."""
    NOT_SHORTABLE = "not_shortable"
    """The order would open a short in a symbol that can't be shorted."""
    TICK = "tick"
    """The price is not a legal tick and could not be rounded to one."""
    LOT = "lot"
    """The quantity is not a legal lot, or rounds to zero."""
    TERMS = "terms"
    """The order's type, time in force and prices do not go together."""
    QUANTITY_MIN = "quantity_min"
    """Less than the broker's least quantity or value."""
    QUANTITY_MAX = "quantity_max"
    """More than order_quantity_max."""
    NOTIONAL_MAX = "notional_max"
    """Worth more than order_notional_max."""
    POSITION_MAX = "position_max"
    """The position would be worth more than position_notional_max in the worst case."""
    PRICE_MISSING = "price_missing"
    """There is no quote of the symbol."""
    PRICE_STALE = "price_stale"
    """The quote is older than quote_age_max."""
    PRICE_COLLAR = "price_collar"
    """The price is further from the quote than the collar allows."""
    DUPLICATE = "duplicate"
    """The same intent was already taken."""
    BUYING_POWER = "buying_power"
    """Buying power, less what open orders reserve, does not cover it."""
    SINGLE_TRADE = "single_trade"
    """The symbol already has a position or an open entry (anti-pyramiding)."""
    OPPOSING_ORDER = "opposing_order"
    """It would meet our own open order of the other side (wash trade)."""
    EXIT_EXCEEDS = "exit_exceeds"
    """An exit larger than the position less the exits already open."""
    STALE = "stale"
    """It waited too long for its permit and was dropped, not sent late."""
    WITHDRAWN = "withdrawn"
    """It was taken back while it waited: by its strategy, an operator, a drain or a restart."""
    DESK_FULL = "desk_full"
    """A named maximum of the desk is reached."""
    CHECK_FAILED = "check_failed"
    """A check itself failed: doubt counts as risk."""


class Anomaly(Enum):
    """What a person may want to see."""

    LATE_FILL = "late_fill"
    """A fill after the order had ended: booked."""
    OVERFILL = "overfill"
    """More was filled than ordered: booked."""
    CONFLICTING_EXECUTION = "conflicting_execution"
    """The same execution id with other figures: the first stays."""
    BUST = "bust"
    """An execution was taken back."""
    BUST_AHEAD = "bust_ahead"
    """A bust of an execution that we have not seen."""
    STALE_REPORT = "stale_report"
    """A report behind what we know: changes nothing."""
    CONTRADICTION = "contradiction"
    """A word that does not fit the order's state: recorded, state unchanged."""
    UNKNOWN_WORD = "unknown_word"
    """A status or event that this version does not know: the desk only reduces."""
    UNREADABLE = "unreadable"
    """A message that could not be read: the desk only reduces."""
    FOREIGN_ORDER = "foreign_order"
    """An order that is not ours."""
    UNKNOWN_OURS = "unknown_ours"
    """An order with our prefix that this desk does not know."""
    AMENDED_BELOW_FILLED = "amended_below_filled"
    """A replace left less than was already filled: the order is done."""
    DOUBLED = "doubled"
    """Two orders at the broker carry one id of ours: the desk only reduces."""
    REVIVED = "revived"
    """An order that was proved absent showed up after all."""
    ABSENT = "absent"
    """An order never reached the broker."""
    POSITION_DRIFT = "position_drift"
    """Our position and the broker's differ."""
    CASH_DRIFT = "cash_drift"
    """Our cash and the broker's differ."""
    SHADOW_ORDER = "shadow_order"
    """An order that we hold open and the broker does not list."""
    STRATEGY_FAULT = "strategy_fault"
    """A strategy raised: it is quarantined."""
    ORDER_REJECTED = "order_rejected"
    """The broker refused an order."""
    CANCEL_STUCK = "cancel_stuck"
    """A cancel was asked several times and the order is still open."""
    CALL_FAILED = "call_failed"
    """A query or fetch failed again and again."""
    LINK_UNAUTHORIZED = "link_unauthorized"
    """The broker refused our credentials on a stream: final."""
    LINK_LOST = "link_lost"
    """A stream's connection was lost."""
    LINK_CONFUSED = "link_confused"
    """A stream reported a step that can't follow the last one: it is closed and opened anew."""
    CLOCK_STEPPED = "clock_stepped"
    """Wall time jumped."""
    BAD_BAR = "bad_bar"
    """A bar that can't be right: not used."""
    BAD_QUOTE = "bad_quote"
    """A quote that can't be right: not used."""
    ACCOUNT_BLOCKED = "account_blocked"
    """The broker blocks the account: the desk only reduces."""
    INVARIANT = "invariant"
    """A promise of the kernel does not hold: the desk halts."""


class Refusal(NamedTuple):
    """One refusal: the code, the figure and the limit it was held against."""

    code: RefusalCode
    figure: str
    """What was found, as text with units (plain integers scaled by 10^9 are printed by the shell)."""
    limit: str
    """What is allowed."""
