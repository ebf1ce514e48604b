"""VWAP micro mean reversion on hand-made bars: each rule, each fault of the original, any sequence at all."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Params, Proposal, View, Withdrawal
from kernel.strategies.vwap_micro import PARAMETERS, STRATEGY, MicroState, quantity_for
from kernel.units import DAY, MINUTE, SCALE, Cash, Duration, Instant, Price, Quantity, Ratio, Value
from tests.unit.kernel.strategies.helpers import CLOSE, OPEN, SHARE, bar_at, crypto_view, dollars, equity_view

DEFAULTS = STRATEGY.defaults
TEN = 30
"""The bar that starts at 10:00, in minutes from 09:30."""


def with_(**changes: int) -> Params:
    return {**DEFAULTS, **changes}


def warm(params: Params = DEFAULTS, bars: int = TEN, price: str = "100", first: int = 0) -> Any:
    """The state after so many bars at one price."""
    state = STRATEGY.initial(params, "SPY")
    for minute in range(first, first + bars):
        bar = bar_at(minute, price)
        state, proposals = STRATEGY.on_bar(params, state, bar, equity_view(bar))
        assert proposals == ()
    return state


def answer(state: Any, minute: int, close: str, params: Params = DEFAULTS, **changes: Any) -> tuple[Any, ...]:
    bar = bar_at(minute, close)
    return STRATEGY.on_bar(params, state, bar, equity_view(bar, **changes))[1]


def tags(proposals: tuple[Any, ...]) -> list[str]:
    return [p.tag if isinstance(p, Proposal) else "withdrawal" for p in proposals]


HELD: dict[str, Any] = {
    "position": 301_000_000,
    "average_entry": dollars("99.6"),
    "opened_at": Instant(OPEN + TEN * MINUTE),
    "entries_today": 1,
}


def test_it_buys_the_dip_with_a_limit_sized_by_risk_and_cap() -> None:
    (entry,) = answer(warm(), TEN, "99.5")
    assert entry == Proposal(
        tag="entry_long",
        symbol="SPY",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Quantity(502_000_000),  # 50 / 99.5 = 0.50251..., cut to 0.001
        type=OrderType.LIMIT,
        limit_price=dollars("99.5"),
        stop_price=None,
        time_in_force=TimeInForce.DAY,
        time_to_live=Duration(90 * SCALE),
        reason="close 99500000000e-9 below vwap 99983870967e-9 by more than deviation 3000000e-9",
    )


def test_the_deviation_is_compared_exactly() -> None:
    # VWAP (30 x 100 + x) / 31: x is 0.3 % below it at 99.69003099690...
    assert answer(warm(), TEN, "99.690030997") == ()
    assert len(answer(warm(), TEN, "99.690030996")) == 1


def test_it_waits_for_its_bars_and_counts_only_those_of_the_session() -> None:
    assert STRATEGY.warmup_bars(DEFAULTS) == 20
    for bars, expected in ((18, 0), (19, 1)):
        assert len(answer(warm(bars=bars, first=TEN - bars), TEN, "99")) == expected
    early = warm(bars=60, first=-60)  # all of the pre-market
    assert early == STRATEGY.initial(DEFAULTS, "SPY")
    assert answer(early, TEN, "99") == ()
    params = with_(include_pre_market=1)
    assert len(answer(warm(params, bars=60, first=-60), TEN, "99", params)) == 1
    before = STRATEGY.on_bar(params, early, bar_at(-331, "50"), equity_view(bar_at(-331, "50")))[0]
    assert before == early  # before 04:00
    late = bar_at(390, "50")
    assert STRATEGY.on_bar(params, early, late, equity_view(late))[0] == early  # after the close


def test_the_window_of_entries_has_an_exclusive_end() -> None:
    params = with_(vwap_min_bars=1)
    state = warm(params, bars=1)
    for minute, expected in ((28, 0), (29, 1), (118, 1), (119, 0), (200, 0)):
        # A bar that starts at minute 29 ends at 10:00, one that starts at 119 ends at 11:30.
        assert len(answer(state, minute, "99", params)) == expected, minute


def test_fault_of_the_original_an_unfilled_limit_does_not_burn_the_day() -> None:
    state = warm()
    assert len(answer(state, TEN, "99.5")) == 1
    assert answer(state, TEN + 1, "99.5", open_entries=1) == ()  # still working
    assert len(answer(state, TEN + 2, "99.5")) == 1  # canceled unfilled: the day is not spent
    assert answer(state, TEN + 3, "99.5", entries_today=1) == ()  # filled once: it is
    assert len(answer(state, TEN + 3, "99.5", with_(max_trades=2), entries_today=1)) == 1


def test_fault_of_the_original_a_second_partial_fill_is_no_exit() -> None:
    state = warm()
    first = {**HELD, "position": 100_000_000, "open_entries": 1}
    second = {**HELD, "position": 301_000_000, "open_entries": 0}
    assert answer(state, TEN + 1, "99.6", **first) == ()
    assert answer(state, TEN + 2, "99.6", **second) == ()
    (leaving,) = answer(state, TEN + 3, "99.2", **second)
    assert (leaving.tag, leaving.quantity) == ("exit_stop", 301_000_000)


def test_fault_of_the_original_a_new_day_keeps_managing_the_position() -> None:
    state = warm()
    bar = bar_at(0, "98", day_offset=1)
    tomorrow, (leaving,) = STRATEGY.on_bar(
        DEFAULTS, state, bar, equity_view(bar, **{**HELD, "entries_today": 0})
    )
    assert isinstance(leaving, Proposal)
    assert (leaving.tag, leaving.quantity, leaving.side) == ("exit_stop", 301_000_000, Side.SELL)
    assert (tomorrow.day, tomorrow.bars) == (20131009, 1)
    calm = bar_at(0, "99.6", day_offset=1)
    assert STRATEGY.on_bar(DEFAULTS, state, calm, equity_view(calm, **HELD))[1] == ()  # the VWAP is too young


def test_a_restart_with_a_position_manages_it_from_the_first_bar() -> None:
    nothing = STRATEGY.initial(DEFAULTS, "SPY")
    assert tags(answer(nothing, 200, "99.2", **HELD)) == ["exit_stop"]
    assert tags(answer(nothing, 200, "99.9", **HELD)) == ["exit_profit"]
    assert tags(answer(nothing, 384, "99.6", **HELD)) == ["exit_flat"]
    assert answer(nothing, 200, "99.6", **HELD) == ()


def test_fault_of_the_original_profit_is_the_desks_exact_figure() -> None:
    limit = 2_500_000_000 * SCALE
    assert len(answer(warm(), TEN, "99", realized_today=Value(-limit + 1))) == 1
    assert answer(warm(), TEN, "99", realized_today=Value(-limit)) == ()
    assert answer(warm(), TEN, "99", realized_today=Value(-limit - 1)) == ()


def test_fault_of_the_original_an_exit_is_not_repeated_while_one_is_open() -> None:
    assert answer(warm(), TEN, "99", **HELD, open_exits=1) == ()
    assert tags(answer(warm(), TEN, "99", **HELD)) == ["exit_stop"]


def test_fault_of_the_original_the_quantity_never_passes_the_cap() -> None:
    cap, step = Cash(50 * SCALE), Quantity(1_000_000)
    # 50 / 16.6625 = 3.00075...: half-even rounding would give 3.001, which costs 50.004.
    assert quantity_for(dollars("16.6625"), Ratio(3_000_000), Cash(10 * SCALE), cap, step) == 3 * SHARE
    assert quantity_for(dollars("100"), Ratio(3_000_000), Cash(1_200_000_000), cap, step) == SHARE // 2
    # 1.20 / (1000 x 0.3 %) = 0.4, below the cap of 5000.
    assert (
        quantity_for(dollars("1000"), Ratio(3_000_000), Cash(1_200_000_000), Cash(5_000 * SCALE), step)
        == 400_000_000
    )
    assert quantity_for(dollars("60000"), Ratio(3_000_000), Cash(1_200_000_000), cap, step) == 0


def test_no_entry_when_not_even_one_step_fits() -> None:
    bars = warm(price="60000")
    assert answer(bars, TEN, "59000") == ()
    assert len(answer(bars, TEN, "59000", with_(quantity_step=100_000))) == 1


@given(
    st.integers(1, 10**16),
    st.integers(1, SCALE // 2),
    st.integers(1, 10**13),
    st.integers(1, 10**15),
    st.integers(1, 10**10),
)
def test_a_quantity_is_the_largest_that_both_bounds_allow(
    price: int, stop: int, risk: int, cap: int, step: int
) -> None:
    quantity = quantity_for(Price(price), Ratio(stop), Cash(risk), Cash(cap), Quantity(step))
    assert quantity % step == 0

    def fits(size: int) -> bool:
        cost = Fraction(price, SCALE) * Fraction(size, SCALE)
        return cost <= Fraction(cap, SCALE) and cost * Fraction(stop, SCALE) <= Fraction(risk, SCALE)

    assert fits(quantity)
    assert not fits(quantity + step)


@pytest.mark.parametrize(
    ("close", "take_profit", "tag"),
    [
        ("99.3012", 1_500_000, "exit_stop"),
        ("99.301200001", 1_500_000, None),
        ("99.749399999", 1_500_000, None),
        ("99.7494", 1_500_000, "exit_profit"),
        ("99.7494", 0, None),
        ("99.99", 0, None),
        ("100", 0, "exit_vwap"),
    ],
)
def test_it_leaves_at_stop_profit_and_vwap(close: str, take_profit: int, tag: str | None) -> None:
    found = answer(warm(), TEN, close, with_(take_profit=take_profit), **HELD)
    assert tags(found) == ([] if tag is None else [tag])
    assert all((p.side, p.type, p.quantity) == (Side.SELL, OrderType.MARKET, 301_000_000) for p in found)


def test_with_a_profit_target_the_vwap_still_counts() -> None:
    held = {**HELD, "average_entry": dollars("100.5")}
    assert tags(answer(warm(), TEN, "100.3", **held)) == ["exit_vwap"]


def test_flat_at_the_hour_and_before_an_early_close() -> None:
    state = warm()
    calm = {**HELD, "average_entry": dollars("99.6")}
    for minute, expected in ((383, []), (384, ["exit_flat"]), (388, ["exit_flat"]), (389, []), (400, [])):
        assert tags(answer(state, minute, "99.6", **calm)) == expected, minute
    early: dict[str, Any] = {"session_close": Instant(CLOSE - 180 * MINUTE)}
    for minute, expected in ((203, []), (204, ["exit_flat"]), (208, ["exit_flat"]), (209, [])):
        assert tags(answer(state, minute, "99.6", **calm, **early)) == expected, minute


def test_entries_are_withdrawn_from_the_flat_time_on() -> None:
    assert tags(answer(warm(), 384, "99.6", open_entries=1)) == ["withdrawal"]
    assert answer(warm(), 383, "99.6", open_entries=1) == ()
    assert answer(warm(), 384, "99.6", open_entries=1, open_exits=1) == ()
    partly = {**HELD, "open_entries": 1}
    assert tags(answer(warm(), 384, "99.6", **partly)) == ["withdrawal", "exit_flat"]


def test_no_entry_that_an_early_close_would_end_at_once() -> None:
    soon: dict[str, Any] = {"session_close": Instant(OPEN + 60 * MINUTE)}  # 10:30
    assert len(answer(warm(), 53, "99", **soon)) == 1
    assert answer(warm(), 54, "99", **soon) == ()


def test_it_leaves_what_it_held_for_too_long() -> None:
    params = with_(max_time_in_trade=10 * MINUTE)
    assert answer(warm(), TEN + 8, "99.6", params, **HELD) == ()
    assert tags(answer(warm(), TEN + 9, "99.6", params, **HELD)) == ["exit_time"]
    assert answer(warm(), TEN + 300, "99.6", with_(), **HELD) == ()


def test_a_short_position_is_bought_back() -> None:
    (leaving,) = answer(warm(), TEN, "99.6", **{**HELD, "position": -SHARE})
    assert (leaving.side, leaving.quantity, leaving.tag) == (Side.BUY, SHARE, "exit_short")


def test_the_limit_is_below_the_close_by_the_offset_and_cut_down() -> None:
    (entry,) = answer(warm(), TEN, "99.5", with_(limit_offset=100_000))
    assert entry.limit_price == dollars("99.49005")
    (odd,) = answer(warm(), TEN, "99.333333333", with_(limit_offset=100_000))
    assert odd.limit_price == 99_323_399_999  # 99.3233999996667 cut
    assert entry.quantity * entry.limit_price <= 50 * SCALE * SCALE


def test_nothing_while_the_market_is_closed() -> None:
    closed: dict[str, Any] = {"session_day": 0, "session_open": None, "session_close": None}
    assert answer(warm(), TEN, "99", **closed) == ()
    assert answer(warm(), TEN, "99", **HELD, **closed) == ()


CRYPTO = {**DEFAULTS, "window_start": 0, "window_end": 1440, "flat_at": 1440}


def test_crypto_has_a_vwap_of_the_utc_day_and_never_closes() -> None:
    assert STRATEGY.validate(CRYPTO) == ()
    midnight = (OPEN // DAY + 1) * DAY
    state: MicroState = STRATEGY.initial(CRYPTO, "SPY")
    first = (midnight - OPEN) // MINUTE - 25
    for minute in range(first, first + 25):
        bar = bar_at(minute, "100")
        state, proposals = STRATEGY.on_bar(CRYPTO, state, bar, crypto_view(bar))
        assert proposals == ()
    # The last of them ended at midnight: it belongs to the old day, though the view's day is the new one.
    assert state.bars == 25
    bar = bar_at(first + 25, "99")
    fresh, proposals = STRATEGY.on_bar(CRYPTO, state, bar, crypto_view(bar))
    assert (fresh.bars, proposals) == (1, ())
    earlier = bar_at(first + 24, "99")
    (entry,) = STRATEGY.on_bar(CRYPTO, state, earlier, crypto_view(earlier))[1]
    assert isinstance(entry, Proposal)
    assert entry.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"vwap_min_bars": 0}, ["vwap_min_bars"]),
        ({"window_end": 1441}, ["window_end"]),
        ({"window_start": 690}, ["window_end"]),
        ({"flat_at": 689}, ["flat_at"]),
        ({"risk": 2_500_000_001}, ["risk"]),
        ({"max_trades": 0, "ttl": 0}, ["max_trades", "ttl"]),
        ({"quantity_step": 0}, ["quantity_step"]),
        ({"entry_deviation": -1}, ["entry_deviation"]),
        ({"colour": 1}, ["colour"]),
    ],
)
def test_impossible_values_are_named(changes: dict[str, int], named: list[str]) -> None:
    assert [line.split(":")[0] for line in STRATEGY.validate(with_(**changes))] == named


def test_every_parameter_says_what_it_means() -> None:
    assert [p.name for p in PARAMETERS] == list(DEFAULTS)
    assert all(p.meaning and p.least <= p.default <= p.most for p in PARAMETERS)


PRICE_TEXT = st.integers(9_800, 10_200).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")


@st.composite
def views(draw: st.DrawFn) -> dict[str, Any]:
    position = draw(st.one_of(st.just(0), st.integers(-SHARE, SHARE)))
    return {
        "position": position,
        "average_entry": dollars(draw(PRICE_TEXT)) if position and draw(st.booleans()) else None,
        "opened_at": Instant(OPEN) if position else None,
        "open_entries": draw(st.integers(0, 1)),
        "open_exits": draw(st.integers(0, 1)),
        "entries_today": draw(st.integers(0, 2)),
        "realized_today": Value(draw(st.sampled_from([0, -(10**18), -(3 * 10**18)]))),
    }


@given(
    st.lists(st.tuples(PRICE_TEXT, views()), min_size=1, max_size=40),
    st.integers(-5, 380),
    st.booleans(),
    st.integers(0, 2) | st.just(1_500_000),
)
def test_whatever_happens_it_keeps_its_promises(
    steps: list[tuple[str, dict[str, Any]]], first: int, crypto: bool, take_profit: int
) -> None:
    params = {**(CRYPTO if crypto else DEFAULTS), "vwap_min_bars": 2, "take_profit": take_profit}
    params["max_trades"] = 2
    state: MicroState = STRATEGY.initial(params, "SPY")
    for count, (close, changes) in enumerate(steps):
        bar = bar_at(first + count, close)
        view: View = crypto_view(bar, **changes) if crypto else equity_view(bar, **changes)
        again = STRATEGY.on_bar(params, state, bar, view)
        state, proposals = STRATEGY.on_bar(params, state, bar, view)
        assert (state, proposals) == again
        orders = [p for p in proposals if isinstance(p, Proposal)]
        assert len(orders) <= 1
        for order in orders:
            if order.purpose is Purpose.EXIT:
                assert order.quantity == abs(view.position) > 0
                assert (order.side is Side.SELL) == (view.position > 0)
                assert view.open_exits == 0
                continue
            assert view.position == view.open_entries == view.open_exits == 0
            assert view.entries_today < 2
            assert view.realized_today > -25 * 10**17
            assert order.side is Side.BUY
            assert order.limit_price is not None
            assert 0 < order.quantity * order.limit_price <= 50 * SCALE * SCALE
            assert crypto or 600 <= view.minute_of_day < 690
        if any(isinstance(p, Withdrawal) for p in proposals):
            assert view.open_entries > 0
            assert view.open_exits == 0
