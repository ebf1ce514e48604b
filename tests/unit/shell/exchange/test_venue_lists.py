"""Lists, pages, bulk calls, closing positions, identifiers."""

import re
import uuid

import pytest

from shell.exchange.venue.ids import IdSource, asset_uuid
from shell.exchange.venue.model import ActivityQuery, OrderQuery, Refused
from tests.unit.shell.exchange.venue_kit import CLOSE, MINUTE, SECOND, Desk, d


def _five() -> tuple[Desk, list[str]]:
    desk = Desk()
    desk.quote("SPY", "100.00", "100.02")
    desk.quote("KO", "50.00", "50.02")
    ids = [desk.buy("SPY", "1", "limit", limit=f"9{n}") for n in range(3)]
    ids.append(desk.buy("KO", "2"))
    ids.append(desk.sell("KO", "1", "limit", limit="60"))
    return desk, ids


def test_order_lists_filter_sort_and_page() -> None:
    desk, ids = _five()
    venue = desk.venue

    def listed(**query: object) -> list[int]:
        return [ids.index(found.id) for found in venue.orders(OrderQuery(**query))]  # type: ignore[arg-type]

    assert listed() == [4, 2, 1, 0]
    assert listed(status="all") == [4, 3, 2, 1, 0]
    assert listed(status="closed") == [3]
    assert listed(status="all", direction="asc", limit=2) == [0, 1]
    assert listed(status="all", side="sell") == [4]
    assert listed(status="all", symbols=("KO",)) == [4, 3]
    assert listed(status="all", asset_class="crypto") == []
    assert listed(status="all", before_order_id=ids[2]) == [1, 0]
    assert listed(status="all", after_order_id=ids[2], direction="asc") == [3, 4]
    second = venue.order(ids[1]).submitted_at
    assert listed(status="all", after=second) == [4, 3, 2]
    assert listed(status="all", until=second) == [0]
    with pytest.raises(Refused):
        listed(before_order_id="no")


def test_crypto_orders_are_found_by_either_symbol() -> None:
    desk = Desk()
    desk.quote("ETH/USD", "349.99", "350.00")
    desk.buy("ETH/USD", "1")
    for symbol in ("ETH/USD", "ETHUSD"):
        assert len(desk.venue.orders(OrderQuery(status="all", symbols=(symbol,)))) == 1


def test_cancel_all_ends_every_open_order() -> None:
    desk, ids = _five()
    done = desk.venue.cancel_all(desk.now)
    assert [(item.order_id, item.http_status) for item in done] == [(ids[n], 200) for n in (0, 1, 2, 4)]
    assert desk.venue.orders(OrderQuery()) == []
    assert desk.venue.cancel_all(desk.now) == []
    assert desk.venue.position("KO").available == d("2")


def test_close_position_by_part_and_whole() -> None:
    desk = Desk()
    desk.quote("KO", "50.00", "50.02")
    desk.buy("KO", "10")
    first = desk.venue.close_position("KO", d("2.5"), None, desk.now)
    assert (first.quantity, first.side, first.type) == (d("2.5"), "sell", "market")
    second = desk.venue.close_position("KO", None, d("50"), desk.now)
    assert second.quantity == d("3.75")
    with pytest.raises(Refused, match="only one of"):
        desk.venue.close_position("KO", d("1"), d("50"), desk.now)
    with pytest.raises(Refused, match="percentage"):
        desk.venue.close_position("KO", None, d("101"), desk.now)
    desk.venue.close_position(asset_uuid("KO"), None, None, desk.now)
    assert desk.venue.positions() == []


def test_close_all_reports_each_position() -> None:
    desk = Desk()
    desk.quote("KO", "50.00", "50.02")
    desk.quote("SPY", "100.00", "100.02")
    desk.buy("KO", "10")
    desk.sell("SPY", "3")
    desk.sell("KO", "10", "limit", limit="60")
    done = desk.venue.close_all(False, desk.now)
    assert [(item.symbol, item.http_status) for item in done] == [("KO", 403), ("SPY", 200)]
    assert done[0].refused is not None
    assert done[0].refused.code == 40310000
    assert done[1].order is not None
    assert done[1].order.side == "buy"
    assert [item.http_status for item in desk.venue.close_all(True, desk.now)] == [200]
    assert desk.venue.positions() == []


def test_activities_page_by_their_ids_in_new_york_time() -> None:
    desk = Desk()
    for n in range(5):
        desk.now += SECOND
        desk.quote("KO", "50.00", "50.02")
        desk.buy("KO", "1", client_order_id=f"o{n}")
    rows = desk.venue.executions()
    assert rows[0].id.startswith("20131008093101000::")
    assert re.fullmatch(r"\d{17}::[0-9a-f-]{36}", rows[0].id)
    assert rows[0].id.split("::")[1] != rows[0].execution_id
    first = desk.venue.activities(ActivityQuery(page_size=2))
    assert first == [rows[4], rows[3]]
    second = desk.venue.activities(ActivityQuery(page_size=2, page_token=first[-1].id))
    assert second == [rows[2], rows[1]]
    assert desk.venue.activities(ActivityQuery(direction="asc", after=rows[1].transaction_time)) == list(
        rows[2:]
    )
    assert desk.venue.activities(ActivityQuery(until=rows[1].transaction_time)) == [rows[0]]
    assert desk.venue.activities(ActivityQuery(order_id=rows[2].order_id)) == [rows[2]]
    with pytest.raises(Refused, match="page_token"):
        desk.venue.activities(ActivityQuery(page_token="no"))


def test_identifiers_are_seeded_and_well_formed() -> None:
    one, two, other = IdSource(1), IdSource(1), IdSource(2)
    made = [one.uuid("order") for _ in range(100)]
    assert made == [two.uuid("order") for _ in range(100)]
    assert made[0] != other.uuid("order")
    assert len(set(made)) == 100
    assert all(uuid.UUID(text).version == 4 for text in made)
    ulids = [one.ulid(CLOSE + n // 10 * MINUTE) for n in range(50)]
    assert ulids == sorted(set(ulids))
    assert all(len(text) == 26 for text in ulids)


def test_ulid_carries_its_millisecond() -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    text = IdSource(7).ulid(1_784_904_169_360_257_000)
    number = 0
    for letter in text[:10]:
        number = number * 32 + alphabet.index(letter)
    assert number == 1_784_904_169_360
