"""What a person sees while a session runs: a live panel on a terminal, plain lines elsewhere.

At most two refreshes a second, each drawn in a worker thread's time budget of a few milliseconds: drawing a
table blocks the loop for about 12 ms, so never more often. Without a terminal a line is printed at the start,
at each tenth of the session, and for critical alerts.
"""

import sys
from typing import Final

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel as Box
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kernel import Desk
from kernel.commands import AlertLevel
from kernel.orders.book import open_orders
from kernel.seats import symbol_of
from shell.numbers import instant_text, scaled_text
from shell.report import money, profit_by_strategy
from shell.session import SessionFigures

__all__ = ["REFRESH_S", "show"]

REFRESH_S: Final = 0.5
"""Between two refreshes."""

ORDERS_SHOWN: Final = 6
ALERTS_SHOWN: Final = 5
TENTHS: Final = 10


async def show(figures: SessionFigures, title: str, fancy: bool) -> None:
    """Shows the session until canceled."""
    if fancy and sys.stdout.isatty():
        await _panel(figures, title)
    else:
        await _lines(figures, title)


async def _panel(figures: SessionFigures, title: str) -> None:
    console = Console()
    with Live(_draw(figures, title), console=console, auto_refresh=False, transient=True) as live:
        while True:
            await trio.sleep(REFRESH_S)
            live.update(_draw(figures, title), refresh=True)


async def _lines(figures: SessionFigures, title: str) -> None:
    print(f"live: {title}", flush=True)
    shown = 0
    told = 0
    while True:
        await trio.sleep(REFRESH_S)
        done = figures.bars_done * TENTHS // figures.bars_total if figures.bars_total else 0
        if done > shown:
            shown = done
            print(f"live: {_headline(figures)}", flush=True)
        for alert in figures.alerts[told:]:
            if alert.level is AlertLevel.CRITICAL:
                print(f"live: ALERT {alert.code}: {alert.text}", flush=True)
        told = len(figures.alerts)


def _headline(figures: SessionFigures) -> str:
    desk = figures.desk
    counters = desk.counters
    share = f"{figures.bars_done}/{figures.bars_total} bars, " if figures.bars_total else ""
    return (
        f"{instant_text(desk.at)} {desk.session.mode.value}, {share}"
        f"{counters.submitted} orders, {counters.executions} executions, {desk.book.open_count} open"
    )


def _draw(figures: SessionFigures, title: str) -> Box:
    desk = figures.desk
    head = Table.grid(padding=(0, 2))
    head.add_row("clock", instant_text(desk.at), "mode", _mode(desk))
    head.add_row(
        "orders",
        _order_counts(desk),
        "links",
        ", ".join(f"{r.link.value} {r.state.value}" for r in desk.links),
    )
    head.add_row("refusals", _refusals(desk), "profit", _profit(desk))
    parts: list[object] = [head]
    if figures.bars_total:
        parts.append(ProgressBar(total=figures.bars_total, completed=figures.bars_done, width=72))
    parts.append(_positions(desk))
    parts.append(_open_orders(desk))
    for alert in figures.alerts[-ALERTS_SHOWN:]:
        style = "red" if alert.level is AlertLevel.CRITICAL else "dim"
        parts.append(Text(f"{alert.code}: {alert.text}", style=style, no_wrap=True, overflow="ellipsis"))
    return Box(Group(*parts), title=title)  # type: ignore[arg-type]


def _mode(desk: Desk) -> Text:
    mode = desk.session.mode.value
    return Text(mode + (" (draining)" if desk.session.draining else ""), style="bold")


def _order_counts(desk: Desk) -> str:
    counters = desk.counters
    return f"{counters.submitted} sent, {counters.filled} filled, {desk.book.open_count} open"


def _refusals(desk: Desk) -> str:
    pairs = sorted((code.value, count) for code, count in desk.counters.refusals.items())
    return ", ".join(f"{code} {count}" for code, count in pairs) or "none"


def _profit(desk: Desk) -> str:
    return ", ".join(f"{name} {money(value)[:12]}" for name, value in profit_by_strategy(desk).items())


def _positions(desk: Desk) -> Table:
    table = Table("seat", "position", "last quote", box=None, header_style="dim")
    for seat, position in sorted(desk.holdings.seats.items()):
        if position.quantity:
            quote = desk.market.quotes.get(symbol_of(seat))
            price = "" if quote is None else f"{scaled_text(quote.bid)} / {scaled_text(quote.ask)}"
            table.add_row(seat, scaled_text(position.quantity), price)
    return table


def _open_orders(desk: Desk) -> Table:
    table = Table("open order", "status", "side", "quantity", "filled", box=None, header_style="dim")
    for order in open_orders(desk.book)[:ORDERS_SHOWN]:
        table.add_row(
            order.client_order_id,
            order.status.value,
            order.ticket.side.value,
            scaled_text(order.quantity),
            scaled_text(order.ledger.quantity),
        )
    return table
