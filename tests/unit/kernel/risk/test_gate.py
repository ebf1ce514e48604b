"""The gate: each check passes what it should and refuses what it should; all refusals are told; I1 and I7."""

from typing import Any

import pytest

from kernel.commands import OrderTicket
from kernel.config import GateConfig
from kernel.links.chart import LinkState
from kernel.orders.book import NO_SYMBOL_TALLY
from kernel.orders.intents import NO_INTENTS, take
from kernel.outbox import WAITING_MAX
from kernel.reasons import Refusal, RefusalCode
from kernel.reports import Quote
from kernel.risk import gate
from kernel.risk.checks import CHECKS, Check, Scope
from kernel.risk.gate import Approved, checks_for, examine
from kernel.risk.question import Question
from kernel.session.chart import Mode
from kernel.sides import OrderClass, OrderType, Purpose, Side, TimeInForce
from kernel.strategies.chart import StrategyState
from kernel.symbols.rules import AssetClass, SymbolRules
from kernel.units import SCALE, SECOND, Cash, Instant, Price, Quantity, Value
from tests.unit.kernel.scripts import rules_of

NOW = Instant(1_700_000_000 * SECOND)
LIMITS = GateConfig()
C = RefusalCode


def quote(**changes: Any) -> Quote:
    size = Quantity(100 * SCALE)
    return Quote("SPY", Price(99 * SCALE), Price(100 * SCALE), size, size, NOW)._replace(**changes)


def ticket(purpose: Purpose = Purpose.ENTRY, **changes: Any) -> OrderTicket:
    side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
    base = OrderTicket(
        client_order_id="mqd-1-a-000000001",
        symbol="SPY",
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Quantity(10 * SCALE),
        limit_price=Price(100 * SCALE),
        stop_price=None,
        extended_hours=False,
        purpose=purpose,
    )
    return base._replace(**changes)


def question(**changes: Any) -> Question:
    """A question that every check passes, with changes."""
    base = Question(
        now=NOW,
        ticket=ticket(),
        strategy="a",
        intent="a/SPY/1/b",
        limits=LIMITS,
        mode=Mode.ARMED,
        draining=False,
        order_link=LinkState.LIVE,
        synced=True,
        strategy_status=StrategyState.ACTIVE,
        rules=rules_of("SPY", NOW),
        quote=quote(),
        reference=Price(100 * SCALE),
        reserve_price=Price(100 * SCALE),
        intents=NO_INTENTS,
        tally=NO_SYMBOL_TALLY,
        position=Quantity(0),
        foreign_position=Quantity(0),
        foreign_buys=Quantity(0),
        foreign_sells=Quantity(0),
        seat_position=Quantity(0),
        seat_entries=0,
        seat_exit_quantity=Quantity(0),
        buying_power=Cash(10_000 * SCALE),
        spent=Value(0),
        reserved=Value(0),
        waiting=0,
        opposing=False,
        adding=Quantity(10 * SCALE),
    )
    return base._replace(**changes)


def exit_question(**changes: Any) -> Question:
    """An exit of the whole position of ten."""
    held = Quantity(10 * SCALE)
    base = question(ticket=ticket(Purpose.EXIT), position=held, seat_position=held)
    return base._replace(**changes)


def codes(asked: Question) -> list[RefusalCode]:
    """What the gate says; empty when it approves."""
    answer = examine(asked)
    return [] if isinstance(answer, Approved) else [refusal.code for refusal in answer]


def rules(**changes: Any) -> SymbolRules:
    return rules_of("SPY", NOW)._replace(**changes)


COIN: dict[str, Any] = {"asset_class": AssetClass.CRYPTO, "price_increment": Price(SCALE // 100)}
SHORT: dict[str, Any] = {"side": Side.SELL}


def bracket(**changes: Any) -> OrderTicket:
    """An entry at 100 with exits at 101 and 98."""
    exits = {"take_profit": Price(101 * SCALE), "stop_loss": Price(98 * SCALE)}
    return ticket(**{"order_class": OrderClass.BRACKET, **exits, **changes})


NO_BRACKETS: list[dict[str, Any]] = [
    {"purpose": Purpose.EXIT},
    {"order_class": OrderClass.OTO},
    {"order_class": OrderClass.SIMPLE},
    {"take_profit": None},
    {"stop_loss": None, "stop_loss_limit": Price(97 * SCALE)},
    {"type": OrderType.STOP, "limit_price": None, "stop_price": Price(100 * SCALE)},
    {"time_in_force": TimeInForce.IOC},
    {"extended_hours": True},
    {"quantity": Quantity(SCALE // 2)},
]
CENT = SCALE // 100
OFF: list[dict[str, Any]] = [
    {"take_profit": Price(100 * SCALE)},
    {"stop_loss": Price(100 * SCALE)},
    {"stop_loss": Price(99 * SCALE)},  # at the bid: it would trigger at once
    {"limit_price": Price(97 * SCALE)},
]

REFUSED: list[tuple[RefusalCode, dict[str, Any]]] = [
    *[(C.MODE, {"mode": mode}) for mode in Mode if mode is not Mode.ARMED],
    (C.MODE, {"draining": True}),
    *[(C.LINK, {"order_link": state}) for state in LinkState if state is not LinkState.LIVE],
    (C.DRIFT, {"synced": False}),
    *[(C.STRATEGY, {"strategy_status": s}) for s in StrategyState if s is not StrategyState.ACTIVE],
    (C.SYMBOL_UNKNOWN, {"rules": None}),
    (C.NOT_TRADABLE, {"rules": rules(tradable=False)}),
    (C.SYMBOL_EXPIRED, {"rules": rules(as_of=Instant(NOW - LIMITS.rules_age_max - 1))}),
    (C.TERMS, {"ticket": ticket(limit_price=None)}),
    (C.TERMS, {"ticket": ticket(stop_price=Price(90 * SCALE))}),
    (C.TERMS, {"ticket": ticket(type=OrderType.TRAILING_STOP, limit_price=None)}),
    (C.TICK, {"ticket": ticket(limit_price=Price(100 * SCALE - 1))}),
    *[(C.ORDER_CLASS, {"ticket": bracket(**changes)}) for changes in NO_BRACKETS],
    (C.ORDER_CLASS, {"ticket": bracket(), "rules": rules(**COIN)}),
    (C.ORDER_CLASS, {"ticket": ticket(stop_loss_limit=Price(90 * SCALE))}),
    *[(C.EXIT_PRICES, {"ticket": bracket(**changes)}) for changes in OFF],
    (C.EXIT_PRICES, {"ticket": bracket(**SHORT)}),
    (
        C.EXIT_PRICES,
        {"ticket": bracket(type=OrderType.MARKET, limit_price=None, take_profit=Price(100 * SCALE))},
    ),
    (C.TICK, {"ticket": bracket(take_profit=Price(101 * SCALE + 1))}),
    (C.TICK, {"ticket": bracket(stop_loss=Price(0))}),
    (C.LOT, {"ticket": ticket(quantity=Quantity(0))}),
    (C.LOT, {"ticket": ticket(quantity=Quantity(-SCALE))}),
    (C.LOT, {"rules": rules(quantity_increment=Quantity(3 * SCALE))}),
    (C.QUANTITY_MIN, {"rules": rules(quantity_min=Quantity(11 * SCALE))}),
    (C.QUANTITY_MIN, {"rules": rules(notional_min=Cash(1_001 * SCALE))}),
    (C.QUANTITY_MAX, {"limits": LIMITS._replace(order_quantity_max=Quantity(10 * SCALE - 1))}),
    (C.NOTIONAL_MAX, {"limits": LIMITS._replace(order_notional_max=Cash(1_000 * SCALE - 1))}),
    (C.POSITION_MAX, {"limits": LIMITS._replace(position_notional_max=Cash(1_000 * SCALE - 1))}),
    (C.POSITION_MAX, {"tally": NO_SYMBOL_TALLY._replace(buy_quantity=Quantity(491 * SCALE))}),
    (C.PRICE_MISSING, {"quote": None, "reference": None}),
    (C.PRICE_MISSING, {"reference": None}),
    (C.PRICE_STALE, {"quote": quote(at=Instant(NOW - LIMITS.quote_age_max - 1))}),
    (C.PRICE_COLLAR, {"ticket": ticket(limit_price=Price(106 * SCALE))}),
    (C.PRICE_COLLAR, {"ticket": ticket(limit_price=Price(94 * SCALE))}),
    (C.NOT_SHORTABLE, {"ticket": ticket(**SHORT), "rules": rules(shortable=False)}),
    (C.NOT_SHORTABLE, {"ticket": ticket(**SHORT), "rules": rules(easy_to_borrow=False)}),
    (C.NOT_SHORTABLE, {"ticket": ticket(**SHORT, quantity=Quantity(SCALE // 2))}),
    (C.NOT_SHORTABLE, {"ticket": ticket(**SHORT), "rules": rules(**COIN)}),
    (C.DUPLICATE, {"intents": take(NO_INTENTS, "a/SPY/1/b", NOW, LIMITS.intent_horizon)}),
    (C.SINGLE_TRADE, {"position": Quantity(SCALE)}),
    (C.SINGLE_TRADE, {"tally": NO_SYMBOL_TALLY._replace(entries=1)}),
    (C.OPPOSING_ORDER, {"opposing": True}),
    (C.BUYING_POWER, {"buying_power": Cash(1_000 * SCALE - 1)}),
    (C.BUYING_POWER, {"reserved": Value(9_000 * SCALE * SCALE + 1)}),
    (C.BUYING_POWER, {"spent": Value(9_000 * SCALE * SCALE + 1)}),
    (C.DESK_FULL, {"waiting": WAITING_MAX}),
]


@pytest.mark.parametrize(
    ("code", "changes"), REFUSED, ids=[f"{c.value}-{n}" for n, (c, _) in enumerate(REFUSED)]
)
def test_an_entry_is_refused(code: RefusalCode, changes: dict[str, Any]) -> None:
    assert code in codes(question(**changes))


def test_every_check_of_an_entry_is_seen_to_refuse() -> None:
    seen = {code for code, _ in REFUSED}
    amending = {C.UNKNOWN_ORDER, C.ORDER_BUSY, C.NOT_REPLACEABLE, C.UNCHANGED, C.BELOW_FILLED}
    own = set(RefusalCode) - seen - amending  # those are test_amend.py's
    assert own == {C.EXIT_EXCEEDS, C.STALE, C.WITHDRAWN, C.CHECK_FAILED}


ALLOWED: list[dict[str, Any]] = [
    {},
    {"ticket": bracket()},
    {"ticket": bracket(take_profit=Price(100 * SCALE + CENT), stop_loss=Price(99 * SCALE - CENT))},
    {"ticket": bracket(order_class=OrderClass.OTO, take_profit=None)},
    {"ticket": bracket(order_class=OrderClass.OTO, stop_loss=None)},
    {"ticket": bracket(**SHORT, take_profit=Price(98 * SCALE), stop_loss=Price(101 * SCALE))},
    {"ticket": ticket(limit_price=Price(105 * SCALE))},
    {"ticket": ticket(type=OrderType.MARKET, limit_price=None)},
    {"ticket": ticket(**SHORT)},
    {"buying_power": Cash(1_000 * SCALE)},
    {"quote": quote(at=Instant(NOW - LIMITS.quote_age_max))},
    {"rules": rules(as_of=Instant(NOW - LIMITS.rules_age_max))},
    {
        "intents": take(
            NO_INTENTS, "a/SPY/1/b", Instant(NOW - LIMITS.intent_horizon - 1), LIMITS.intent_horizon
        )
    },
    {"position": Quantity(5), "rules": rules(quantity_increment=Quantity(10))},
    {"waiting": WAITING_MAX - 1},
    {"limits": LIMITS._replace(single_trade_per_symbol=False), "position": Quantity(SCALE)},
]


@pytest.mark.parametrize("changes", ALLOWED, ids=range(len(ALLOWED)))
def test_an_entry_is_approved_up_to_the_limits(changes: dict[str, Any]) -> None:
    assert codes(question(**changes)) == []


def test_selling_more_than_is_held_needs_a_symbol_that_can_be_shorted() -> None:
    no_short = rules(shortable=False)
    sell = ticket(**SHORT)
    unlimited = LIMITS._replace(single_trade_per_symbol=False)
    held = question(ticket=sell, rules=no_short, limits=unlimited, position=Quantity(10 * SCALE))
    assert C.NOT_SHORTABLE not in codes(held)
    assert C.NOT_SHORTABLE in codes(held._replace(position=Quantity(9 * SCALE)))
    also = held.tally._replace(sell_quantity=Quantity(1))
    assert C.NOT_SHORTABLE in codes(held._replace(tally=also))


def test_a_position_on_the_other_side_does_not_make_room() -> None:
    unlimited = LIMITS._replace(single_trade_per_symbol=False)
    buys = NO_SYMBOL_TALLY._replace(buy_quantity=Quantity(491 * SCALE))
    asked = question(limits=unlimited, tally=buys, position=Quantity(-400 * SCALE))
    assert C.POSITION_MAX in codes(asked)


def test_all_refusals_are_told_at_once_in_the_order_of_the_checks() -> None:
    asked = question(mode=Mode.HALTED, synced=False, buying_power=Cash(0), opposing=True)
    assert codes(asked) == [C.MODE, C.DRIFT, C.OPPOSING_ORDER, C.BUYING_POWER]
    answer = examine(asked)
    assert isinstance(answer, tuple)
    assert answer[0] == Refusal(C.MODE, "halted", "armed")


EXIT_PASSES: list[dict[str, Any]] = [
    *[{"mode": mode} for mode in Mode if mode is not Mode.COLD],
    {"draining": True},
    *[{"order_link": state} for state in LinkState],
    {"synced": False},
    *[{"strategy_status": state} for state in StrategyState],
    {"rules": None},
    {"rules": rules(tradable=False, as_of=Instant(0))},
    {"quote": None, "reference": None},
    {"buying_power": Cash(0), "reserved": Value(10**30)},
    {"limits": LIMITS._replace(order_quantity_max=Quantity(1), order_notional_max=Cash(1))},
    {"waiting": WAITING_MAX, "opposing": True},
]


@pytest.mark.parametrize("changes", EXIT_PASSES, ids=range(len(EXIT_PASSES)))
def test_an_exit_is_stopped_by_no_mode_link_or_limit(changes: dict[str, Any]) -> None:
    assert codes(exit_question(**changes)) == []


def test_an_exit_waits_for_the_first_comparison_of_a_start() -> None:
    assert codes(exit_question(mode=Mode.COLD)) == [C.MODE]


@pytest.mark.parametrize(
    "changes",
    [
        {"position": Quantity(10 * SCALE - 1)},
        {"seat_position": Quantity(10 * SCALE - 1)},
        {"position": Quantity(0), "seat_position": Quantity(0)},
        {"position": Quantity(-10 * SCALE), "seat_position": Quantity(-10 * SCALE)},
        {"tally": NO_SYMBOL_TALLY._replace(reducing_quantity=Quantity(1))},
        {"seat_exit_quantity": Quantity(1)},
    ],
    ids=range(6),
)
def test_an_exit_never_exceeds_what_is_free(changes: dict[str, Any]) -> None:
    assert codes(exit_question(**changes)) == [C.EXIT_EXCEEDS]


def test_a_short_is_bought_back_by_an_exit() -> None:
    short = Quantity(-10 * SCALE)
    cover = ticket(Purpose.EXIT, side=Side.BUY)
    assert codes(exit_question(ticket=cover, position=short, seat_position=short)) == []


def test_an_approved_cannot_be_forged() -> None:
    with pytest.raises(AssertionError, match="without the gate"):
        Approved(object(), question())
    approved = examine(question())
    assert isinstance(approved, Approved)
    with pytest.raises(AttributeError):
        approved.anything = 1  # type: ignore[attr-defined]
    assert not [name for name in gate.__all__ if "SEAL" in name.upper()]


def broken(_: Question) -> Refusal | None:
    raise ZeroDivisionError("planted")


def test_a_check_that_fails_blocks_entries_and_no_exit() -> None:
    checks = (Check("planted", Scope.EVERY, broken),)
    refusals = examine(question(), checks)
    assert isinstance(refusals, tuple)
    assert [refusal.code for refusal in refusals] == [C.CHECK_FAILED]
    assert "planted" in refusals[0].figure
    assert isinstance(examine(exit_question(), checks), Approved)


def test_checks_have_names_of_their_own_and_scopes_choose_them() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
    entry = {check.name for check in checks_for(Purpose.ENTRY)}
    leaving = {check.name for check in checks_for(Purpose.EXIT)}
    assert leaving == {check.name for check in checks_for(Purpose.PROTECTIVE_STOP)}
    assert entry | leaving == set(names)
    assert leaving == {"terms", "tick", "order_class", "lot", "duplicate", "compared", "exit_reduces"}
