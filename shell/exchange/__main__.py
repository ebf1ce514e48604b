"""`python -m shell.exchange`: an Alpaca-compatible exchange on loopback, for any client.

Prints one line, `listening on http://127.0.0.1:PORT`, when it is ready. Ctrl-C or SIGTERM ends it with exit
0. Wrong options, unreadable or malformed files and a taken port: one line on stderr, exit 2.
"""

import argparse
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

import trio

from kernel.units import SCALE
from shell.exchange.embed import Served, serve
from shell.exchange.faults.plan import FaultPlanError, make_plan
from shell.exchange.settings import ExchangeSettings, SetupError, parse_speed
from shell.exchange.text import NotANumber, TooFine, parse_amount

__all__ = ["main", "parse_arguments"]

CASH_MAX = 10**12
"""Dollars; more is a typing error."""


def parse_arguments(arguments: list[str]) -> ExchangeSettings:
    """The command line as settings. Raises SetupError; argparse itself exits 2 on unknown options."""
    parser = argparse.ArgumentParser(
        prog="python -m shell.exchange",
        description="An Alpaca-compatible exchange on loopback.",
        epilog="Data paths: /v2/... REST, /stream, /v2/iex, /v1beta3/crypto/us; ours: /sim, /sim/books.",
    )
    parser.add_argument("--port", default="0", help="TCP port on 127.0.0.1; 0 (default) takes a free one")
    parser.add_argument("--bars", nargs="+", action="extend", default=[], type=Path, metavar="FILE",
                        help="CSV files of bars (or quotes); without them a synthetic session")  # fmt: skip
    parser.add_argument("--seed", default="0", help="seed of ids and of the synthetic session (default 0)")
    parser.add_argument("--speed", default="60", help="simulated seconds per second (default 60), or max")
    parser.add_argument("--cash", default="100000", help="starting cash in dollars (default 100000)")
    parser.add_argument("--key", default=None, help="the only key let in; default: any")
    parser.add_argument("--secret", default=None, help="its secret; goes with --key")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE",
                        help="misbehave so, at a rate from 0 to 1; repeatable")  # fmt: skip
    parser.add_argument("--faults", default=None, type=Path, metavar="FILE.toml", help="a plan of faults")
    options = parser.parse_args(arguments)
    try:
        faults = make_plan(options.fault, options.faults)
    except FaultPlanError as error:
        raise SetupError(str(error)) from error
    if (options.key is None) != (options.secret is None):
        raise SetupError("--key and --secret go together")
    return ExchangeSettings(
        port=_whole("--port", options.port, 0, 65_535),
        bars=tuple(options.bars),
        seed=_whole("--seed", options.seed, 0, 2**63 - 1),
        rate=parse_speed(options.speed),
        cash=_cash(options.cash),
        key=options.key,
        secret=options.secret,
        faults=faults,
    )


def _whole(option: str, text: str, least: int, most: int) -> int:
    """A whole number in a range. Raises SetupError."""
    if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
        raise SetupError(f"{option} {text}: must be a whole number from {least} to {most}")
    return int(text)


def _cash(text: str) -> int:
    """An amount of dollars, scaled. Raises SetupError."""
    try:
        cash = parse_amount(text)
    except (NotANumber, TooFine, InvalidOperation):
        raise SetupError(f"--cash {text}: not an amount of dollars") from None
    if not 0 <= cash <= CASH_MAX * SCALE:
        raise SetupError(f"--cash {text}: must be from 0 to {Decimal(CASH_MAX):,}")
    return cash


async def _run(settings: ExchangeSettings) -> None:
    """Serve until SIGINT or SIGTERM."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            served: Served = await nursery.start(serve, settings)
            print(f"listening on {served.url}", flush=True)
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    code = 0
    try:
        settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)
        trio.run(_run, settings)
    except* SetupError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"exchange: {error}", file=sys.stderr)
        code = 2
    except* KeyboardInterrupt:
        code = 0
    return code


if __name__ == "__main__":
    sys.exit(main())
