"""Intents: a key is taken once within the horizon, and old ones are let go."""

from kernel.orders.intents import NO_INTENTS, is_taken, take
from kernel.units import Duration, Instant

HORIZON = Duration(100)


def test_a_key_is_taken_until_the_horizon_is_past() -> None:
    intents = take(NO_INTENTS, "a", Instant(1_000), HORIZON)
    assert is_taken(intents, "a", Instant(1_100), HORIZON)
    assert not is_taken(intents, "a", Instant(1_101), HORIZON)
    assert not is_taken(intents, "b", Instant(1_000), HORIZON)


def test_what_is_kept_is_bounded_by_the_horizon() -> None:
    intents = NO_INTENTS
    for number in range(10_000):
        intents = take(intents, f"k{number}", Instant(1_000 + number), HORIZON)
        assert len(intents.taken) == len(intents.line) == intents.tail - intents.head <= HORIZON + 2
    assert is_taken(intents, "k9999", Instant(10_999), HORIZON)
    assert "k9000" not in intents.taken


def test_a_key_taken_again_is_remembered_from_then_on() -> None:
    intents = take(NO_INTENTS, "a", Instant(1_000), HORIZON)
    intents = take(intents, "a", Instant(1_200), HORIZON)
    for number in range(50):
        intents = take(intents, f"k{number}", Instant(1_210 + number), HORIZON)
    assert is_taken(intents, "a", Instant(1_300), HORIZON)
