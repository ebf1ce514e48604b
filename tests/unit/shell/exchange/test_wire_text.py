"""Wire text and integers: exact both ways, bounded, and as recorded payloads have it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shell.exchange.text import (
    NotANumber,
    TooFine,
    amount_text,
    instant_of_day,
    instant_text,
    micros_text,
    new_york_text,
    parse_amount,
    parse_instant,
    quotient_text,
    truncate_amount,
    value_text,
)

AMOUNTS = st.integers(min_value=-(10**24), max_value=10**24)
INSTANTS = st.integers(min_value=0, max_value=4_000_000_000 * 10**9)


@given(AMOUNTS)
def test_an_amount_survives_the_wire(amount: int) -> None:
    text = amount_text(amount)
    assert parse_amount(text) == amount
    assert Decimal(text) == Decimal(amount).scaleb(-9)
    assert "E" not in text.upper()
    assert not ("." in text and text.endswith("0"))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (86_878_000_000, "86.878"), (-500_000_000, "-0.5"), (1, "0.000000001"), (10**12, "1000")],
)
def test_amounts_as_recorded(amount: int, text: str) -> None:
    assert amount_text(amount) == text


@pytest.mark.parametrize(
    ("token", "amount"),
    [
        (Decimal("1.0"), 10**9),
        (Decimal("1e-09"), 1),
        (Decimal("1E+3"), 10**12),
        ("0.5", 5 * 10**8),
        (" 7 ", 7 * 10**9),
        (0, 0),
        (Decimal("0e999999999"), 0),
        (Decimal("-0"), 0),
    ],
)
def test_numbers_come_as_numbers_and_as_text(token: object, amount: int) -> None:
    assert parse_amount(token) == amount


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "1_000",
        "NaN",
        "Infinity",
        "٣",
        "1e999999999",
        Decimal("1e16"),
        True,
        None,
        [],
        "9" * 70,
        "1.2.3",
    ],
)
def test_what_is_no_number_is_refused(token: object) -> None:
    with pytest.raises(NotANumber):
        parse_amount(token)


def test_digits_beyond_the_ninth_are_refused_or_cut_toward_zero() -> None:
    with pytest.raises(TooFine):
        parse_amount("100.1000000000001")
    assert truncate_amount(Decimal("0.30000000000000004")) == 300_000_000
    assert truncate_amount("-0.0000000019") == -1


@given(INSTANTS)
def test_an_instant_survives_the_wire(instant: int) -> None:
    text = instant_text(instant)
    assert parse_instant(text) == instant
    assert text.endswith("Z")
    assert not text.endswith("0Z") or "." not in text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-10-08T15:10:24.01080215Z", "2026-10-08T15:10:24.01080215Z"),
        ("2026-10-08T11:10:24-04:00", "2026-10-08T15:10:24Z"),
        ("2026-10-08 15:10:24+00:00", "2026-10-08T15:10:24Z"),
        ("2026-10-08", "2026-10-08T00:00:00Z"),
    ],
)
def test_instants_in_other_forms(text: str, same: str) -> None:
    assert instant_text(parse_instant(text)) == same


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "2026-10-08T25:00:00Z", "20261008"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an|day|month|hour|time"):
        parse_instant(text)


def test_microseconds_are_rounded_not_cut() -> None:
    assert micros_text(parse_instant("2026-10-08T15:10:42.191100621Z")) == "2026-10-08T15:10:42.191101Z"


@given(st.integers(-(10**30), 10**30), st.integers(0, 9))
def test_values_round_half_away_from_zero(value: int, digits: int) -> None:
    shown = Decimal(value_text(value, digits))
    exact = Decimal(value).scaleb(-18)
    assert abs(shown - exact) * 2 <= Decimal(1).scaleb(-digits)
    assert value_text(-value, digits).lstrip("-") == value_text(value, digits).lstrip("-")


def test_quotients() -> None:
    assert quotient_text(1, 3, 5) == "0.33333"
    assert quotient_text(-2, 3, 5) == "-0.66667"
    assert quotient_text(1, 0, 5) == "0"


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)))
def test_midday_is_inside_the_day(day: date) -> None:
    local = new_york_text(instant_of_day(day))
    assert local.startswith(f"{day.isoformat()}T12:00:00")
    assert datetime.fromisoformat(local).astimezone(UTC).timestamp() * 10**9 == instant_of_day(day)
