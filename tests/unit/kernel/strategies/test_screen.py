"""A strategy's answer is checked before anybody acts on it; what it raised is told the same way each time."""

from typing import Any

import pytest

from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Proposal, Withdrawal
from kernel.strategies.screen import FAULT_TEXT_MAX, PROPOSALS_MAX, TAG_MAX, fault_text, screened
from kernel.units import SCALE, Price, Quantity

GOOD = Proposal(
    "entry",
    "SPY",
    Side.BUY,
    Purpose.ENTRY,
    Quantity(SCALE),
    OrderType.LIMIT,
    Price(SCALE),
    None,
    TimeInForce.DAY,
    None,
    "because",
)


def is_spy(symbol: str) -> bool:
    return symbol == "SPY"


def test_a_good_answer_passes_as_it_is() -> None:
    given = (GOOD, Withdrawal("SPY", "because"))
    assert screened((7, given), is_spy) == (7, given)
    assert screened((7, iter(given)), is_spy) == (7, given)
    assert screened((None, ()), is_spy) == (None, ())


@pytest.mark.parametrize("answer", [None, 7, (1,), (1, (), 2), [1, ()]], ids=repr)
def test_what_is_no_pair_is_refused(answer: object) -> None:
    with pytest.raises(TypeError, match="state, proposals"):
        screened(answer, is_spy)


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": ""},
        {"tag": "Entry"},
        {"tag": "a" * (TAG_MAX + 1)},
        {"tag": 1},
        {"symbol": None},
        {"reason": 1},
        {"purpose": Purpose.PROTECTIVE_STOP},
        {"purpose": "entry"},
        {"side": "buy"},
        {"type": None},
        {"time_in_force": "day"},
        {"quantity": 1.0},
        {"quantity": True},
        {"limit_price": "1"},
        {"stop_price": 1.5},
        {"time_to_live": 1.5},
        {"take_profit": 1.5},
        {"stop_loss": "1"},
        {"stop_loss_limit": True},
    ],
    ids=str,
)
def test_a_proposal_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="not a proposal"):
        screened((0, (GOOD, GOOD._replace(**changes))), is_spy)


NOT_WITHDRAWALS = (Withdrawal(1, "x"), Withdrawal("SPY", None), Withdrawal("SPY", "x", 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["junk", 7, None, *NOT_WITHDRAWALS], ids=repr)
def test_what_is_no_proposal_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match="not a proposal"):
        screened((0, (given,)), is_spy)


def test_a_symbol_that_it_does_not_trade_is_refused() -> None:
    with pytest.raises(ValueError, match="'AAPL'"):
        screened((0, (GOOD._replace(symbol="AAPL"),)), is_spy)


def test_too_many_proposals_are_refused() -> None:
    assert len(screened((0, (GOOD,) * PROPOSALS_MAX), is_spy)[1]) == PROPOSALS_MAX
    with pytest.raises(ValueError, match="at most"):
        screened((0, (GOOD,) * (PROPOSALS_MAX + 1)), is_spy)


class Untold(Exception):
    """An exception that can't be told."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_what_was_raised_is_told_in_a_line_without_addresses() -> None:
    assert fault_text(ValueError(f"bad {object()}")) == "ValueError: bad <object object"
    assert fault_text(Untold()) == "Untold"
    assert len(fault_text(ValueError("x" * 1_000))) == FAULT_TEXT_MAX
