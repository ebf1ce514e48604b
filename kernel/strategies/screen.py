"""What a strategy answered, checked before anybody acts on it: a strategy is foreign code.

    screened(answer, is_seat) -> (state, proposals), or ValueError / TypeError saying what is wrong

Everything is checked before the first proposal is carried out, so a bad answer changes nothing but the
strategy's own quarantine, and what is carried out afterwards can only fail by a bug of the kernel.
"""

from collections.abc import Callable
from typing import Final

from kernel.ids import is_slug
from kernel.sides import OrderType, Purpose, Side, TimeInForce
from kernel.strategies.protocol import Amendment, Proposal, State, Wish, Withdrawal

__all__ = ["FAULT_TEXT_MAX", "PROPOSALS_MAX", "TAG_MAX", "fault_text", "screened"]

PROPOSALS_MAX: Final = 8
"""Proposals that one bar may bring for one seat; more is a fault of the strategy."""
TAG_MAX: Final = 32
"""Characters of a proposal's tag."""
FAULT_TEXT_MAX: Final = 200
"""Characters kept of what a strategy raised."""
ADDRESS: Final = " at 0x"

Answer = tuple[State, tuple[Wish, ...]]


def screened(answer: object, is_seat: Callable[[str], bool]) -> Answer:
    """The next state and the proposals; `is_seat` says whether the strategy trades a symbol."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError("on_bar returns (state, proposals)")
    state, given = answer
    proposals = tuple(given)
    if len(proposals) > PROPOSALS_MAX:
        raise ValueError(f"{len(proposals)} proposals for one bar, at most {PROPOSALS_MAX}")
    for proposal in proposals:
        problem = _problem(proposal)
        if problem:
            raise TypeError(f"not a proposal: {problem}")
        if not is_seat(proposal.symbol):
            raise ValueError(f"a proposal for {proposal.symbol!r}, which it does not trade")
    return state, proposals


def _problem(given: object) -> str:
    """What is wrong with the types of a proposal, an amendment or a withdrawal; empty when nothing is."""
    if isinstance(given, Withdrawal):
        is_plain = _is_text(given.symbol) and _is_text(given.reason) and type(given.exits) is bool
        return "" if is_plain else "symbol and reason are texts, exits is a bool"
    if not isinstance(given, Proposal | Amendment):
        return type(given).__name__
    if not (_is_text(given.tag) and is_slug(given.tag, TAG_MAX)):
        return f"a tag is 1 to {TAG_MAX} characters of [a-z0-9_]"
    if not (_is_text(given.symbol) and _is_text(given.reason)):
        return "symbol and reason are texts"
    if isinstance(given, Amendment):
        terms = (given.quantity, given.limit_price, given.stop_price)
        is_plain = _is_text(given.order) and all(term is None or type(term) is int for term in terms)
        return "" if is_plain else "the order's name is a text, quantity and prices (10^-9) integers or None"
    if given.purpose is not Purpose.ENTRY and given.purpose is not Purpose.EXIT:
        return "the purpose is ENTRY or EXIT"
    words = ((given.side, Side), (given.type, OrderType), (given.time_in_force, TimeInForce))
    if not all(isinstance(word, kind) for word, kind in words):
        return "side, type and time in force are members of their Enums"
    if type(given.quantity) is not int:
        return "the quantity is an integer (10^-9)"
    exits = (given.take_profit, given.stop_loss, given.stop_loss_limit)
    figures = (given.limit_price, given.stop_price, given.time_to_live, *exits)
    if not all(figure is None or type(figure) is int for figure in figures):
        return "prices (10^-9) and the time to live (ns) are integers or None"
    return ""


def _is_text(value: object) -> bool:
    return type(value) is str


def fault_text(problem: Exception) -> str:
    """What a strategy raised, as a line that is the same at each replay: cut, without memory addresses."""
    name = type(problem).__name__
    try:
        text = str(problem)
    except Exception:  # noqa: BLE001 - an exception that can't even be told is told by its name
        return name
    return f"{name}: {text.partition(ADDRESS)[0]}"[:FAULT_TEXT_MAX]
