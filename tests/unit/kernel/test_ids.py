"""Ids of orders: one to one over the whole range, canonical, total, ours only."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.ids import (
    CLIENT_ORDER_ID_MAX,
    EPOCH_MAX,
    SEQUENCE_MAX,
    OrderKey,
    client_order_id,
    inferred_execution_id,
    is_inferred,
    is_ours,
    is_slug,
    parse_client_order_id,
)

SLUG = "abcdefghijklmnopqrstuvwxyz0123456789_"
PREFIXES = st.text(SLUG, min_size=1, max_size=12)
KEYS = st.builds(
    OrderKey,
    st.integers(min_value=1, max_value=EPOCH_MAX),
    st.text(SLUG, min_size=1, max_size=16),
    st.integers(min_value=0, max_value=SEQUENCE_MAX),
)


def test_the_shape_of_an_id() -> None:
    assert client_order_id("mqd", OrderKey(7, "vwap_micro", 42)) == "mqd-7-vwap_micro-000000042"


def test_the_longest_id_has_48_characters() -> None:
    longest = client_order_id("p" * 12, OrderKey(EPOCH_MAX, "s" * 16, SEQUENCE_MAX))
    assert len(longest) == CLIENT_ORDER_ID_MAX == 48


@given(PREFIXES, KEYS)
def test_round_trip(prefix: str, key: OrderKey) -> None:
    text = client_order_id(prefix, key)
    assert parse_client_order_id(prefix, text) == key
    assert set(text) <= set(SLUG + "-")


@given(PREFIXES, PREFIXES, KEYS, KEYS)
def test_no_collision(first_prefix: str, second_prefix: str, first: OrderKey, second: OrderKey) -> None:
    same = (first_prefix, first) == (second_prefix, second)
    assert (client_order_id(first_prefix, first) == client_order_id(second_prefix, second)) == same


@given(PREFIXES, PREFIXES, KEYS)
def test_another_prefix_is_not_ours(prefix: str, other: str, key: OrderKey) -> None:
    assert is_ours(other, client_order_id(prefix, key)) == (prefix == other)


@given(st.text(max_size=60) | st.from_regex(r"mqd-[0-9]{1,9}-[a-z_]{1,17}-[0-9]{8,10}", fullmatch=True))
@example("mqd-7-v-\u0664\u0664\u0664\u0664\u0664\u0664\u0664\u0664\u0664")
@example("mqd-\u00b2-v-000000042")
def test_what_parses_is_what_we_write(text: str) -> None:
    key = parse_client_order_id("mqd", text)
    assert key is None or client_order_id("mqd", key) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mqd",
        "mqd-7-vwap",
        "mqd-07-vwap-000000042",
        "mqd-0-vwap-000000042",
        "mqd-7-vwap-42",
        "mqd-7-vwap-0000000042",
        "mqd-7-vwap-00000004\n",
        "mqd-7-VWAP-000000042",
        "mqd-7--000000042",
        "mqd-7-vwap-000000042-1",
        "mqd-+7-vwap-000000042",
        "MQD-7-vwap-000000042",
        " mqd-7-vwap-000000042",
        "mqd-100000000-vwap-000000042",
        "600f978b-ee00-4b5c-ac5f-bd9f045c61e1",
        "-" * 5_000,
    ],
)
def test_not_ours(text: str) -> None:
    assert parse_client_order_id("mqd", text) is None


def test_a_prefix_that_we_could_not_have_is_nobodys() -> None:
    assert parse_client_order_id("", "-7-vwap-000000042") is None
    assert parse_client_order_id("a-b", "a-b-7-vwap-000000042") is None


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", OrderKey(1, "s", 0)),
        ("p" * 13, OrderKey(1, "s", 0)),
        ("a-b", OrderKey(1, "s", 0)),
        ("mqd", OrderKey(0, "s", 0)),
        ("mqd", OrderKey(EPOCH_MAX + 1, "s", 0)),
        ("mqd", OrderKey(1, "", 0)),
        ("mqd", OrderKey(1, "s" * 17, 0)),
        ("mqd", OrderKey(1, "Up", 0)),
        ("mqd", OrderKey(1, "s", -1)),
        ("mqd", OrderKey(1, "s", SEQUENCE_MAX + 1)),
    ],
)
def test_a_bad_key_is_a_kernel_bug(prefix: str, key: OrderKey) -> None:
    with pytest.raises(AssertionError, match="kernel bug"):
        client_order_id(prefix, key)


def test_slugs() -> None:
    assert is_slug("a_1", 3)
    assert not is_slug("a_1", 2)
    assert not is_slug("\u00e4", 3)


@given(st.text(max_size=128), st.integers(min_value=1), st.text(max_size=128), st.integers(min_value=1))
def test_inferred_ids(first: str, quantity: int, second: str, other: int) -> None:
    one, two = inferred_execution_id(first, quantity), inferred_execution_id(second, other)
    assert is_inferred(one)
    assert (one == two) == ((first, quantity) == (second, other))


@pytest.mark.parametrize(
    "text", ["", "inferred:", "inferred:7", "inferred:a:", "inferred:a:07", "inferred:a:-7", "x:inferred:a:7"]
)
def test_not_inferred(text: str) -> None:
    assert not is_inferred(text)


def test_an_inferred_execution_of_nothing_is_a_kernel_bug() -> None:
    with pytest.raises(AssertionError, match="kernel bug"):
        inferred_execution_id("mqd-1-s-000000000", 0)
