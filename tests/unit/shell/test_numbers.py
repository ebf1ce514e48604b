"""Numbers and instants of the wire: exact both ways, total, and bounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.units import SCALE, Instant
from shell.numbers import NumberText, Scaled, instant_text, parse_instant, parse_scaled, scaled_text


@pytest.mark.parametrize(
    ("token", "amount"),
    [
        (0, 0),
        (-7, -7 * SCALE),
        ("86.878", 86_878_000_000),
        (NumberText("1e-09"), 1),
        ("1E+2", 100 * SCALE),
        (".5", SCALE // 2),
        ("5.", 5 * SCALE),
        ("+3", 3 * SCALE),
        ("-0.000000001", -1),
        ("123456789012.123456789", 123_456_789_012_123_456_789),
        ("1.5000000000000000", 1_500_000_000),
    ],
)
def test_a_number_is_taken_exactly(token: object, amount: int) -> None:
    assert parse_scaled(token) == Scaled(amount, True)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "-",
        "e5",
        "1e",
        "0x10",
        "1_000",
        "1,5",
        " 1",
        "NaN",
        "Infinity",
        "1e999999999",
        "9" * 65,
        None,
        True,
    ],
)
def test_what_is_no_number_is_none(token: object) -> None:
    assert parse_scaled(token) is None


def test_an_integer_of_absurd_size_is_none() -> None:
    assert parse_scaled(10**41) is None


@pytest.mark.parametrize(
    ("text", "amount"), [("286.9749783265074366", 286_974_978_326), ("-0.0000000019", -1)]
)
def test_more_than_nine_decimals_are_cut_toward_zero_and_told(text: str, amount: int) -> None:
    assert parse_scaled(text) == Scaled(amount, False)


@given(st.integers(min_value=-(10**24), max_value=10**24))
def test_text_and_back_is_the_same(amount: int) -> None:
    text = scaled_text(amount)
    assert parse_scaled(text) == Scaled(amount, True)
    assert "e" not in text.lower()
    assert Decimal(text) == Decimal(amount) / SCALE


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=12))
def test_the_cut_agrees_with_decimal_arithmetic(number: Decimal) -> None:
    scaled = parse_scaled(format(number, "f"))
    assert scaled is not None
    assert scaled.amount == int(number * SCALE)
    assert scaled.exact is (number * SCALE == int(number * SCALE))


@given(st.text(max_size=80))
def test_any_text_gives_a_number_or_none(text: str) -> None:
    scaled = parse_scaled(text)
    assert scaled is None or isinstance(scaled.amount, int)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("2026-10-08T15:10:24.01080215Z", 1_791_472_224_010_802_150),
        ("2022-04-28T14:07:45.485843765-04:00", 1_651_169_265_485_843_765),
        ("2022-04-28T18:07:45.485843765Z", 1_651_169_265_485_843_765),
        ("2021-02-22T15:51:44.208Z", 1_614_009_104_208_000_000),
        ("2026-01-01T05:30:00+0530", 1_767_225_600_000_000_000),
        ("1969-12-31T23:59:59.9Z", -100_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("2026-10-08T15:10:24.1234567891234Z", 1_791_472_224_123_456_789),
    ],
)
def test_an_instant_is_taken_to_the_nanosecond(text: str, instant: int) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    ["", "2026-10-08", "2026-13-08T00:00:00Z", "2026-02-30T00:00:00Z", "2026-10-08T24:00:00Z",
     "2026-10-08T10:00:00", "2026-10-08T10:00:00+24:00", "0000-01-01T00:00:00Z", 1790561327253, None],
)  # fmt: skip
def test_what_is_no_time_is_none(text: object) -> None:
    assert parse_instant(text) is None


@given(st.integers(min_value=-62_135_596_800 * SCALE, max_value=253_402_300_799 * SCALE))
def test_an_instant_and_back_is_the_same(instant: int) -> None:
    assert parse_instant(instant_text(Instant(instant))) == instant


def test_an_instant_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="outside of the years"):
        instant_text(Instant(10**30))
