"""The links room: streams are opened again, live only after a comparison, and confusion is told."""

from kernel.commands import Alert, AlertLevel, CloseLink, FetchOrders, OpenLink
from kernel.config import LinkConfig
from kernel.events import LinkName, LinkReported
from kernel.links.chart import LinkInput, LinkState
from kernel.links.record import link_of
from kernel.links.room import REFUSALS_MAX
from kernel.reasons import Anomaly
from kernel.units import SECOND, Instant
from tests.unit.kernel.scripts import Desktop

ORDERS, MARKET = LinkName.ORDERS, LinkName.MARKET


def booted() -> Desktop:
    desktop = Desktop()
    desktop.boot()
    return desktop


def state(desktop: Desktop, link: LinkName = ORDERS) -> LinkState:
    return link_of(desktop.desk.links, link).state


def say(desktop: Desktop, given: LinkInput, link: LinkName = ORDERS) -> None:
    desktop.give(LinkReported(desktop.at, link, given, "as the test says"))


def test_both_streams_go_live_after_boot() -> None:
    desktop = booted()
    assert (state(desktop), state(desktop, MARKET)) == (LinkState.LIVE, LinkState.LIVE)
    assert [command.link for command in desktop.sent(OpenLink)] == [ORDERS, MARKET]


def test_a_lost_order_stream_is_opened_again_and_compared_before_it_is_live() -> None:
    desktop = booted()
    looks = len(desktop.sent(FetchOrders))
    desktop.deaf_to = {FetchOrders}
    say(desktop, LinkInput.CONNECTION_LOST)
    assert state(desktop) is LinkState.DOWN
    desktop.run_until(Instant(desktop.at + 2 * SECOND))
    assert state(desktop) is LinkState.RESYNCING
    assert len(desktop.sent(FetchOrders)) == looks + 2  # the open ones and the recent ones
    desktop.deaf_to = set()
    for asked in desktop.unanswered:
        desktop.answer(asked)
    desktop.tick(1)
    assert state(desktop) is LinkState.LIVE


def test_waits_double_up_to_the_maximum() -> None:
    desktop = booted()
    desktop.deaf_to = {OpenLink}
    waits = []
    for _ in range(9):
        say(desktop, LinkInput.CONNECTION_LOST)
        plan = link_of(desktop.desk.links, ORDERS).reopen_at
        waits.append((plan - desktop.at) // SECOND)
        desktop.run_until(plan)
        assert state(desktop) is LinkState.CONNECTING
    settings = LinkConfig()
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert waits[-1] * SECOND == settings.backoff_max


def test_a_refused_second_connection_waits_as_long_as_the_dead_one_lives() -> None:
    desktop = booted()
    say(desktop, LinkInput.CONNECTION_REFUSED)
    assert link_of(desktop.desk.links, ORDERS).reopen_at - desktop.at == LinkConfig().backoff_refused


def test_credentials_refused_from_the_start_are_final_and_said_in_one_line() -> None:
    desktop = Desktop()
    desktop.deaf_to = {OpenLink}
    desktop.boot()
    for _ in range(REFUSALS_MAX):
        assert state(desktop) is LinkState.CONNECTING
        say(desktop, LinkInput.AUTHENTICATION_REFUSED)
        say(desktop, LinkInput.CONNECTION_LOST)
        desktop.run_until(Instant(desktop.at + 100 * SECOND))
    assert state(desktop) is LinkState.UNAUTHORIZED
    opened = len(desktop.sent(OpenLink))
    say(desktop, LinkInput.AUTHENTICATION_REFUSED)
    desktop.run_until(Instant(desktop.at + 200 * SECOND))
    assert len(desktop.sent(OpenLink)) == opened
    told = [each for each in desktop.sent(Alert) if each.code == Anomaly.LINK_UNAUTHORIZED.value]
    assert [each.level for each in told] == [*[AlertLevel.WARNING] * (REFUSALS_MAX - 1), AlertLevel.CRITICAL]
    assert "check the keys" in told[-1].text
    assert Anomaly.LINK_LOST.value not in desktop.alerts()


def test_credentials_that_were_good_are_tried_for_ever_with_growing_waits() -> None:
    desktop = booted()
    desktop.deaf_to = {OpenLink}
    waits = []
    for _ in range(4 * REFUSALS_MAX):
        say(desktop, LinkInput.AUTHENTICATION_REFUSED)
        assert state(desktop) is LinkState.DOWN  # not live: nothing increases risk
        plan = link_of(desktop.desk.links, ORDERS).reopen_at
        waits.append((plan - desktop.at) // SECOND)
        desktop.run_until(plan)
        assert state(desktop) is LinkState.CONNECTING
    assert waits == [1, 2, 4, 8, 16, 32, 64, *[90] * 5]
    told = [each.level for each in desktop.sent(Alert) if each.code == Anomaly.LINK_UNAUTHORIZED.value]
    assert told.count(AlertLevel.CRITICAL) == 1
    desktop.deaf_to = set()
    say(desktop, LinkInput.CONNECTION_LOST)
    desktop.run_until(Instant(desktop.at + 60 * SECOND))
    assert state(desktop) is LinkState.LIVE
    assert link_of(desktop.desk.links, ORDERS).refusals == 0


def test_a_connection_that_is_thrown_out_at_once_is_no_success() -> None:
    desktop = booted()
    waits = []
    for _ in range(4):
        say(desktop, LinkInput.CONNECTION_LOST)
        plan = link_of(desktop.desk.links, ORDERS).reopen_at
        waits.append((plan - desktop.at) // SECOND)
        desktop.run_until(Instant(plan + SECOND))
        assert state(desktop) is LinkState.LIVE
    assert waits == [1, 2, 4, 8]
    desktop.run_until(Instant(desktop.at + LinkConfig().backoff_max))
    say(desktop, LinkInput.CONNECTION_LOST)
    assert link_of(desktop.desk.links, ORDERS).reopen_at - desktop.at == SECOND


def test_a_restart_tries_the_credentials_again() -> None:
    desktop = booted()
    say(desktop, LinkInput.AUTHENTICATION_REFUSED)
    desktop.boot()
    assert state(desktop) is LinkState.LIVE


def test_a_frame_after_silence_leads_to_a_comparison_not_to_live() -> None:
    desktop = booted()
    looks = len(desktop.sent(FetchOrders))
    say(desktop, LinkInput.SILENCE_DETECTED)
    assert state(desktop) is LinkState.MUTE
    desktop.deaf_to = {FetchOrders}
    say(desktop, LinkInput.FRAME_RECEIVED)
    assert state(desktop) is LinkState.RESYNCING
    assert len(desktop.sent(FetchOrders)) == looks + 2  # the open ones and the recent ones
    desktop.deaf_to = set()
    for asked in desktop.unanswered:
        desktop.answer(asked)
    desktop.tick(1)
    assert state(desktop) is LinkState.LIVE
    assert link_of(desktop.desk.links, ORDERS).last_heard > 0


def test_a_mute_market_stream_is_live_again_with_its_first_frame() -> None:
    desktop = booted()
    say(desktop, LinkInput.SILENCE_DETECTED, MARKET)
    say(desktop, LinkInput.FRAME_RECEIVED, MARKET)
    assert state(desktop, MARKET) is LinkState.LIVE


def test_a_step_out_of_its_order_is_said_and_its_connection_closed() -> None:
    desktop = booted()
    say(desktop, LinkInput.CONNECTED)
    assert state(desktop) is LinkState.LIVE
    assert desktop.desk.counters.anomalies[Anomaly.LINK_CONFUSED] == 1
    assert [command.link for command in desktop.sent(CloseLink)] == [ORDERS]
    say(desktop, LinkInput.CONNECTION_LOST)
    desktop.run_until(Instant(desktop.at + 2 * SECOND))
    assert state(desktop) is LinkState.LIVE
