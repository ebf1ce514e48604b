"""VWAP mean reversion on hand-made bars: each rule, each fault of the original, and any sequence at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Amendment, OpenOrder, Params, Proposal, View, Withdrawal
from kernel.strategies.vwap import Window
from kernel.strategies.vwap_mean_reversion import PARAMETERS, STRATEGY
from kernel.units import MINUTE, SCALE, Duration, Instant, Quantity
from tests.unit.kernel.strategies.helpers import CLOSE, SHARE, bar_at, crypto_view, dollars, equity_view

DEFAULTS = STRATEGY.defaults


def with_(**changes: int) -> Params:
    return {**DEFAULTS, **changes}


def warm(params: Params = DEFAULTS, bars: int = 19, price: str = "100") -> Any:
    """The state after so many bars at one price, from 09:30 on."""
    state = STRATEGY.initial(params, "SPY")
    for minute in range(bars):
        bar = bar_at(minute, price)
        state, proposals = STRATEGY.on_bar(params, state, bar, equity_view(bar))
        assert proposals == ()
    return state


def answer(state: Any, minute: int, close: str, params: Params = DEFAULTS, **changes: Any) -> tuple[Any, ...]:
    """What it proposes on one bar."""
    bar = bar_at(minute, close)
    return STRATEGY.on_bar(params, state, bar, equity_view(bar, **changes))[1]


HELD: dict[str, Any] = {
    "position": 10 * SHARE,
    "average_entry": dollars("98"),
    "opened_at": Instant(0),
    "entries_today": 1,
}


def test_it_buys_what_fell_a_share_below_the_vwap() -> None:
    (entry,) = answer(warm(), 19, "98.5")
    assert entry == Proposal(
        tag="entry_long",
        symbol="SPY",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Quantity(10 * SHARE),
        type=OrderType.LIMIT,
        limit_price=dollars("98.5"),
        stop_price=None,
        time_in_force=TimeInForce.DAY,
        time_to_live=Duration(90 * SCALE),
        reason="close 98500000000e-9 below vwap 99925000000e-9 by more than threshold 10000000e-9",
    )
    # VWAP with the bar itself: (19 x 100 + x) / 20; x is 1 % below it at 98.94792214624...
    assert answer(warm(), 19, "98.947922147") == ()
    assert len(answer(warm(), 19, "98.947922146")) == 1


def test_fault_of_the_original_it_waits_for_the_whole_period() -> None:
    assert STRATEGY.warmup_bars(DEFAULTS) == 20
    for bars in range(19):
        assert answer(warm(bars=bars), bars, "90") == ()
    assert len(answer(warm(bars=19), 19, "90")) == 1
    assert STRATEGY.warmup_bars(with_(vwap_period=5)) == 5
    assert len(answer(warm(with_(vwap_period=5), bars=4), 4, "90", with_(vwap_period=5))) == 1


def test_fault_of_the_original_no_short_unless_it_was_allowed() -> None:
    assert answer(warm(), 19, "105") == ()
    (entry,) = answer(warm(), 19, "105", with_(allow_short=1))
    assert (entry.side, entry.purpose, entry.tag) == (Side.SELL, Purpose.ENTRY, "entry_short")
    bar = bar_at(19, "105")
    assert STRATEGY.on_bar(with_(allow_short=1), warm(), bar, crypto_view(bar))[1] == ()


def test_fault_of_the_original_an_exit_is_never_more_than_the_position() -> None:
    held = {**HELD, "position": 3 * SHARE + 1}
    (leaving,) = answer(warm(), 19, "100", **held)
    assert (leaving.side, leaving.purpose, leaving.quantity) == (Side.SELL, Purpose.EXIT, 3 * SHARE + 1)
    assert (leaving.type, leaving.tag, leaving.time_to_live) == (OrderType.MARKET, "exit_vwap", None)


@pytest.mark.parametrize(
    ("close", "tag"), [("97.02", "exit_stop"), ("97.020000001", None), ("99", None), ("100", "exit_vwap")]
)
def test_a_long_leaves_at_its_stop_and_at_the_vwap(close: str, tag: str | None) -> None:
    found = answer(warm(), 19, close, **HELD)
    assert [proposal.tag for proposal in found] == ([] if tag is None else [tag])


@pytest.mark.parametrize(
    ("close", "tag"), [("103.02", "exit_stop"), ("103.019999999", None), ("101", None), ("100", "exit_vwap")]
)
def test_a_short_leaves_at_its_stop_and_at_the_vwap(close: str, tag: str | None) -> None:
    held = {**HELD, "position": -10 * SHARE, "average_entry": dollars("102")}
    found = answer(warm(), 19, close, with_(allow_short=1), **held)
    assert [proposal.tag for proposal in found] == ([] if tag is None else [tag])
    assert all((p.side, p.quantity) == (Side.BUY, 10 * SHARE) for p in found)


def test_the_stop_needs_no_warm_vwap_but_the_target_does() -> None:
    assert [p.tag for p in answer(warm(bars=2), 2, "90", **HELD)] == ["exit_stop"]
    assert answer(warm(bars=2), 2, "100", **HELD) == ()


def test_an_exit_is_proposed_again_only_while_none_is_open() -> None:
    assert answer(warm(), 19, "90", **HELD, open_exits=1) == ()
    assert len(answer(warm(), 19, "90", **HELD)) == 1
    assert len(answer(warm(), 20, "90", **HELD)) == 1


def test_no_entry_beside_a_position_or_an_order() -> None:
    assert answer(warm(), 19, "98.5", open_entries=1) == ()
    assert answer(warm(), 19, "98.5", open_exits=1) == ()
    assert answer(warm(), 19, "98.5", **{**HELD, "average_entry": dollars("98.6")}) == ()


def test_leaving_while_the_entry_still_fills_withdraws_it_first() -> None:
    withdrawal, leaving = answer(warm(), 19, "90", **{**HELD, "position": 4 * SHARE, "open_entries": 1})
    assert isinstance(withdrawal, Withdrawal)
    assert withdrawal.symbol == "SPY"
    assert (leaving.purpose, leaving.quantity) == (Purpose.EXIT, 4 * SHARE)


def test_hours_no_entries_late_and_flat_before_the_close() -> None:
    state = warm()
    for minute, expected in ((373, 1), (374, 0), (383, 0), (384, 0), (388, 0), (389, 0), (390, 0)):
        assert len(answer(state, minute, "98.5")) == expected, minute
    waiting = {**HELD, "average_entry": dollars("98.5")}
    for minute, expected in ((383, 0), (384, 1), (388, 1), (389, 0), (400, 0)):
        found = answer(state, minute, "98.5", **waiting)
        assert [p.tag for p in found] == ["exit_flat"] * expected, minute
    assert answer(state, -2, "98.5") == ()  # closed at 09:29
    assert isinstance(answer(state, 384, "98.5", open_entries=1)[0], Withdrawal)
    assert answer(state, 383, "98.5", open_entries=1) == ()


def test_an_early_close_is_a_close() -> None:
    early: dict[str, Any] = {"session_close": Instant(CLOSE - 180 * MINUTE)}
    state = warm()
    assert len(answer(state, 193, "98.5", **early)) == 1
    assert answer(state, 194, "98.5", **early) == ()
    held = {**HELD, "average_entry": dollars("98.5"), **early}
    assert answer(state, 203, "98.5", **held) == ()
    assert [p.tag for p in answer(state, 204, "98.5", **held)] == ["exit_flat"]


def test_without_a_session_nothing_is_done() -> None:
    closed: dict[str, Any] = {"session_day": 0, "session_open": None, "session_close": None}
    assert answer(warm(), 19, "98.5", **closed) == ()
    assert answer(warm(), 19, "90", **HELD, **closed) == ()


def test_a_position_that_was_carried_over_is_managed_from_the_next_open() -> None:
    state = warm()
    early, opened = bar_at(-60, "90", day_offset=1), bar_at(0, "90", day_offset=1)
    assert STRATEGY.on_bar(DEFAULTS, state, early, equity_view(early, **HELD))[1] == ()
    (leaving,) = STRATEGY.on_bar(DEFAULTS, state, opened, equity_view(opened, **HELD))[1]
    assert isinstance(leaving, Proposal)
    assert leaving.tag == "exit_stop"


def test_all_hours_when_asked() -> None:
    always = with_(regular_hours_only=0)
    assert len(answer(warm(), -60, "98.5", always)) == 1
    assert answer(warm(), 400, "98.5", always) == ()  # the close is past
    assert [p.tag for p in answer(warm(), 400, "98.5", always, **HELD)] == ["exit_flat"]


def test_crypto_trades_at_any_hour_with_gtc() -> None:
    bar = bar_at(600, "98.5")
    (entry,) = STRATEGY.on_bar(DEFAULTS, warm(), bar, crypto_view(bar))[1]
    assert isinstance(entry, Proposal)
    assert entry.time_in_force is TimeInForce.GTC


def test_a_bar_without_volume_counts_but_moves_nothing() -> None:
    state = STRATEGY.initial(DEFAULTS, "SPY")
    for minute in range(25):
        bar = bar_at(minute, "100", volume=0)
        state, proposals = STRATEGY.on_bar(DEFAULTS, state, bar, equity_view(bar))
        assert proposals == ()
        bar = bar_at(minute, "50", volume=0)
        assert STRATEGY.on_bar(DEFAULTS, state, bar, equity_view(bar))[1] == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"vwap_period": 1}, ("vwap_period: 1 is impossible; allowed are 2 to 1000 (count)",)),
        ({"stop": 0}, ("stop: 0 is impossible; allowed are 1 to 500000000 (10^-9 of one)",)),
        ({"allow_short": "yes"}, ("allow_short: 'yes' is not an integer; allowed are 0 to 1 (0 or 1)",)),
        ({"allow_short": True}, ("allow_short: True is not an integer; allowed are 0 to 1 (0 or 1)",)),
    ],
)
def test_impossible_values_are_named(changes: dict[str, int | str], said: tuple[str, ...]) -> None:
    assert STRATEGY.validate({**DEFAULTS, **changes}) == said


def test_values_that_do_not_go_together_are_named() -> None:
    (late,) = STRATEGY.validate(with_(no_entry_before_close=4 * MINUTE))
    assert late.startswith("no_entry_before_close: ")
    (odd,) = STRATEGY.validate(with_(allow_short=1, quantity=SHARE // 2))
    assert odd.startswith("quantity: 500000000 ")
    assert STRATEGY.validate(with_(quantity=SHARE // 2)) == ()
    missing = {name: value for name, value in DEFAULTS.items() if name != "stop"}
    both = STRATEGY.validate({**missing, "stopp": 1})
    assert [line.split(":")[0] for line in both] == ["stop", "stopp"]


def resting(limit: str, **changes: Any) -> dict[str, Any]:
    """A view with an entry that rests at a limit."""
    order = OpenOrder(
        "mine",
        Purpose.ENTRY,
        Side.BUY,
        OrderType.LIMIT,
        Quantity(10 * SHARE),
        Quantity(0),
        dollars(limit),
        None,
        True,
    )
    return {"open_entries": 1, "orders": (order._replace(**changes),)}


def test_an_entry_at_market_is_asked_for_with_reprice_after_zero() -> None:
    (entry,) = answer(warm(), 19, "98.5", with_(reprice_after=0))
    assert (entry.type, entry.limit_price) == (OrderType.MARKET, None)


def test_a_resting_entry_is_amended_to_the_newer_close() -> None:
    (amendment,) = answer(warm(), 19, "98.53", **resting("98.5"))
    assert amendment == Amendment(
        tag="reprice",
        symbol="SPY",
        order="mine",
        quantity=None,
        limit_price=dollars("98.53"),
        stop_price=None,
        reason="close 98530000000e-9 left limit 98500000000e-9 behind",
    )


def test_a_resting_short_follows_downward() -> None:
    view = resting("101.5", side=Side.SELL)
    (amendment,) = answer(warm(), 19, "101.4", with_(allow_short=1), **view)
    assert amendment.limit_price == dollars("101.4")
    assert answer(warm(), 19, "101.6", with_(allow_short=1), **view) == ()


LEFT_ALONE: list[tuple[str, dict[str, Any]]] = [
    ("98.51", resting("98.5")),  # not so far
    ("98.4", resting("98.5")),  # toward the limit: it fills
    ("99.9", resting("98.5")),  # no entry is called for any more
    ("98.6", resting("98.5", is_settled=False)),  # a request is pending
    ("98.6", resting("98.5", quantity=Quantity(SHARE // 2))),  # a fraction of a share
    ("98.6", resting("98.5", purpose=Purpose.EXIT)),
    ("98.6", resting("98.5", side=Side.SELL)),
    ("98.6", resting("98.5", limit_price=None)),
]


@pytest.mark.parametrize(("close", "view"), LEFT_ALONE, ids=range(len(LEFT_ALONE)))
def test_a_resting_entry_is_left_alone(close: str, view: dict[str, Any]) -> None:
    assert answer(warm(), 19, close, **view) == ()


EXITS: dict[str, int] = {"take_profit": 20_000_000, "stop_loss": 10_000_000}


def test_an_entry_carries_the_exits_that_are_asked_for() -> None:
    (entry,) = answer(warm(), 19, "98.5", with_(**EXITS))
    assert (entry.take_profit, entry.stop_loss) == (dollars("100.47"), dollars("97.515"))
    (entry,) = answer(warm(), 19, "98.5", with_(stop_loss=10_000_000))
    assert (entry.take_profit, entry.stop_loss) == (None, dollars("97.515"))
    (short,) = answer(warm(), 19, "101.5", with_(**EXITS, allow_short=1))
    assert (short.take_profit, short.stop_loss) == (dollars("99.47"), dollars("102.515"))
    bar = bar_at(19, "98.5")
    (coin,) = STRATEGY.on_bar(with_(**EXITS), warm(), bar, crypto_view(bar))[1]
    assert isinstance(coin, Proposal)
    assert (coin.take_profit, coin.stop_loss) == (None, None)


def test_exits_at_the_broker_are_withdrawn_before_it_leaves() -> None:
    params = with_(**EXITS)
    assert answer(warm(), 19, "98.5", params, **HELD, open_exits=2) == ()
    (withdrawal,) = answer(warm(), 19, "100.5", params, **HELD, open_exits=2)
    assert isinstance(withdrawal, Withdrawal)
    assert withdrawal.exits
    wishes = answer(warm(), 19, "100.5", params, **HELD, open_exits=2, open_entries=1)
    assert [wish.exits for wish in wishes] == [False, True]
    (leaving,) = answer(warm(), 19, "100.5", params, **HELD)
    assert (leaving.tag, leaving.purpose) == ("exit_vwap", Purpose.EXIT)


def test_a_position_that_lost_its_exits_is_left() -> None:
    (leaving,) = answer(warm(), 19, "98.5", with_(**EXITS), **HELD)
    assert (leaving.tag, leaving.quantity) == ("exit_bare", 10 * SHARE)
    assert answer(warm(), 19, "98.5", with_(**EXITS), **HELD, open_entries=1) == ()


def test_an_entry_with_exits_is_withdrawn_before_the_close() -> None:
    late = {"now": Instant(CLOSE - MINUTE), "open_entries": 1, "open_exits": 2}
    (withdrawal,) = answer(warm(), 19, "98.5", with_(**EXITS), **late)
    assert withdrawal == Withdrawal("SPY", "the session closes")


def test_exits_want_whole_shares() -> None:
    (problem,) = STRATEGY.validate(with_(**EXITS, quantity=SHARE // 2))
    assert problem.startswith("quantity: 500000000 (10^-9) is no whole number of shares, which exits at the")


def test_every_parameter_says_what_it_means() -> None:
    assert [p.name for p in PARAMETERS] == list(DEFAULTS)
    assert all(p.meaning and p.least <= p.default <= p.most for p in PARAMETERS)
    assert (DEFAULTS["vwap_period"], DEFAULTS["quantity"], DEFAULTS["allow_short"]) == (20, 10 * SHARE, 0)


PRICE_TEXT = st.integers(9_000, 11_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
POSITIONS = st.one_of(st.just(0), st.integers(-20 * SHARE, 20 * SHARE))


@st.composite
def views(draw: st.DrawFn) -> dict[str, Any]:
    position = draw(POSITIONS)
    return {
        "position": position,
        "average_entry": dollars(draw(PRICE_TEXT)) if position and draw(st.booleans()) else None,
        "opened_at": Instant(0) if position else None,
        "open_entries": draw(st.integers(0, 2)),
        "open_exits": draw(st.integers(0, 2)),
    }


@given(
    st.lists(st.tuples(PRICE_TEXT, views()), min_size=1, max_size=40),
    st.integers(-5, 380),
    st.booleans(),
    st.booleans(),
)
def test_whatever_happens_it_keeps_its_promises(
    steps: list[tuple[str, dict[str, Any]]], first: int, short: bool, crypto: bool
) -> None:
    params = with_(vwap_period=3, entry_threshold=1_000_000, allow_short=int(short))
    state: Window = STRATEGY.initial(params, "SPY")
    for count, (close, changes) in enumerate(steps):
        bar = bar_at(first + count, close)
        view: View = crypto_view(bar, **changes) if crypto else equity_view(bar, **changes)
        again = STRATEGY.on_bar(params, state, bar, view)
        state, proposals = STRATEGY.on_bar(params, state, bar, view)
        assert (state, proposals) == again
        orders = [p for p in proposals if isinstance(p, Proposal)]
        assert len(orders) <= 1
        assert len(state.rows) <= 3
        for order in orders:
            if order.purpose is Purpose.EXIT:
                assert order.quantity == abs(view.position) > 0
                assert (order.side is Side.SELL) == (view.position > 0)
                assert view.open_exits == 0
            else:
                assert view.position == view.open_entries == view.open_exits == 0
                assert count >= 2
                assert short or order.side is Side.BUY
        if any(isinstance(p, Withdrawal) for p in proposals):
            assert view.open_entries > 0
            assert view.open_exits == 0
