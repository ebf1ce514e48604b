"""A seat: one strategy on one symbol, as a text key (`vwap_micro/SPY`, `vwap/BTC/USD`).

A strategy's name has no slash, so the first slash divides. Positions, tallies and strategy states are
kept by seat; a text key keeps every map of the Desk encodable and its order defined.
"""

__all__ = ["seat_of", "strategy_of", "symbol_of"]


def seat_of(strategy: str, symbol: str) -> str:
    """The key of a strategy on a symbol."""
    return strategy + "/" + symbol


def strategy_of(seat: str) -> str:
    """The strategy's name."""
    return seat.partition("/")[0]


def symbol_of(seat: str) -> str:
    """The symbol."""
    return seat.partition("/")[2]
