"""From options and configuration to a Plan: what is wrong with them is told before anything is started.

simulated   the embedded exchange, or one that already runs; a new journal for each session
real        a paper or the real account: one journal for ever, keys from the environment, and for real
            money the account's last four digits, typed
"""

import argparse
import dataclasses
import os
import sys
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from kernel.units import SECOND
from shell.alpaca.settings import AlpacaSettings, live_settings, paper_settings, simulated_settings
from shell.config import Settings, desk_config, read_credentials
from shell.container import Plan
from shell.errors import Complaint
from shell.exchange.faults.plan import FaultPlanError
from shell.exchange.faults.plan import make_plan as plan_faults
from shell.exchange.market.csvfile import BarFileError, load_files
from shell.exchange.market.synthetic import SYMBOLS
from shell.exchange.settings import ExchangeSettings, SetupError, parse_speed
from shell.onboarding import account_number, exchange_symbols
from shell.settings import JournalSettings

__all__ = ["make_plan", "product_version"]

MEMORY: Final = "memory"
STATE_FOLDER: Final = Path("var")
CLIENT: Final = "desk"
DIGITS: Final = 4


def product_version() -> str:
    """The installed version, or that of a checkout that was not installed."""
    try:
        return version("miniquantdesk")
    except PackageNotFoundError:
        return "uninstalled"


def make_plan(options: argparse.Namespace, settings: Settings) -> Plan:
    """What to run. Raises Complaint for everything that is wrong, before anything is started."""
    if options.paper or options.live:
        return _real_plan(options, settings)
    return _simulated_plan(options, settings)


def _simulated_plan(options: argparse.Namespace, settings: Settings) -> Plan:
    shell = settings.shell
    if options.exchange and (
        options.bars or options.seed or options.speed or options.fault or options.faults
    ):
        raise Complaint(
            "--bars, --seed, --speed and faults belong to the exchange that --exchange joins: set them there"
        )
    try:
        rate = parse_speed(options.speed or shell.session.speed)
        symbols, source = _session_symbols(options)
        faults = plan_faults(options.fault, options.faults)
    except (SetupError, BarFileError, FaultPlanError) as error:
        raise Complaint(str(error)) from None
    exchange = None
    if not options.exchange:
        exchange = ExchangeSettings(
            bars=tuple(options.bars),
            seed=shell.session.seed if options.seed is None else _seed(options.seed),
            rate=rate,
            cash=shell.session.starting_cash,
            participation=shell.session.volume_share,
            faults=faults,
        )
    return Plan(
        config=desk_config(settings, symbols),
        broker=partial(_simulated_broker, settings),
        exchange=exchange,
        url=(options.exchange or "").rstrip("/"),
        client=CLIENT,
        journal=_journal_path(options, settings, fresh=True),
        journal_settings=_journal_settings(options, settings),
        account=None,
        drain_s=shell.screen.drain_deadline / SECOND,
        panel=shell.screen.panel and not options.no_panel,
        source=source,
        version=product_version(),
        arm_reason=options.arm,
    )


def _session_symbols(options: argparse.Namespace) -> tuple[tuple[str, ...], str]:
    if options.exchange:
        return exchange_symbols(options.exchange), f"exchange at {options.exchange}"
    if options.bars:
        names = ", ".join(path.name for path in options.bars)
        return tuple(sorted(load_files(options.bars).bars)), f"recorded {names}"
    return SYMBOLS, "synthetic session"


def _simulated_broker(settings: Settings, url: str, lockstep: bool) -> AlpacaSettings:
    return _with_timeouts(simulated_settings(url, CLIENT, lockstep=lockstep), settings)


def _real_plan(options: argparse.Namespace, settings: Settings) -> Plan:
    if options.bars or options.seed or options.speed or options.fault or options.faults:
        raise Complaint(
            "--bars, --seed, --speed and faults are for simulated sessions, not for a real account"
        )
    shell = settings.shell
    keys = read_credentials(os.environ)
    make = live_settings if options.live else paper_settings
    broker = _with_urls(_with_timeouts(make(keys.key, keys.secret, shell.broker.feed), settings), settings)
    number = account_number(broker)
    reason = _typed_digits(number) if options.live else ""
    if settings.account == "simulated":
        settings = settings._replace(top={**settings.top, "account": number})
    config = desk_config(settings, None, arm_at_start=False if options.live else None)
    return Plan(
        config=config,
        broker=lambda _url, _lockstep: broker,
        exchange=None,
        url="",
        client="",
        journal=_journal_path(options, settings, fresh=False),
        journal_settings=_journal_settings(options, settings),
        account=(broker.trading_url, number),
        drain_s=shell.screen.drain_deadline / SECOND,
        panel=shell.screen.panel and not options.no_panel,
        source=f"{'LIVE' if options.live else 'paper'} account ...{number[-DIGITS:]}",
        version=product_version(),
        arm_reason=reason or options.arm,
    )


def _typed_digits(number: str) -> str:
    """Real money needs a person: the account's last four digits, typed."""
    if not sys.stdin.isatty():
        raise Complaint("--live needs a terminal: the account's last four digits have to be typed")
    print(f"Real money: account {'*' * max(0, len(number) - DIGITS)}....", file=sys.stderr)
    typed = input("Type the account's last four digits to arm: ").strip()
    if len(number) < DIGITS or typed != number[-DIGITS:]:
        raise Complaint("--live: those are not the account's last four digits; nothing was started")
    return "the account's last four digits were typed"


def _with_timeouts(broker: AlpacaSettings, settings: Settings) -> AlpacaSettings:
    own = settings.shell.broker
    return dataclasses.replace(
        broker,
        feed=own.feed,
        workers=broker.workers if broker.workers == 1 else own.workers,
        connect_timeout=own.connect_timeout / SECOND,
        read_timeout=own.read_timeout / SECOND,
        total_timeout=own.total_timeout / SECOND,
        ping_every=None if broker.ping_every is None else own.ping_every / SECOND,
        ping_deadline=own.ping_deadline / SECOND,
    )


def _with_urls(broker: AlpacaSettings, settings: Settings) -> AlpacaSettings:
    own = settings.shell.broker
    names = ("trading_url", "data_url", "order_stream_url", "stock_stream_url", "crypto_stream_url")
    given = {name: getattr(own, name).rstrip("/") for name in names if getattr(own, name)}
    return dataclasses.replace(broker, **given)


def _journal_settings(options: argparse.Namespace, settings: Settings) -> JournalSettings:
    own = settings.shell.journal
    return own._replace(verify=own.verify or options.verify_journal)


def _journal_path(options: argparse.Namespace, settings: Settings, *, fresh: bool) -> Path | None:
    """Of a real account: one file, for ever. Of a simulated session: a new file each time."""
    text = options.journal or settings.shell.journal.path
    if text == MEMORY:
        return None
    if text:
        return Path(text)
    if not fresh:
        return STATE_FOLDER / f"{settings.account}.journal"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return STATE_FOLDER / "sessions" / f"{stamp}-{os.getpid()}.journal"


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # below 2^63
        raise Complaint(f"--seed {text}: must be a whole number, at most 18 digits")
    return int(text)
