"""`python -m shell.live`: trades a session, shows it, and ends with a report.

    (nothing)         a whole simulated session on the embedded exchange, over real sockets
    --exchange URL    the same on a `python -m shell.exchange` that already runs
    --paper           Alpaca's paper account
    --live            the real account; only after its last four digits were typed

Ctrl-C drains: no new entries, open orders canceled (or left, as configured), the journal flushed and the
report written, within the deadline of `screen.drain_deadline`. A second Ctrl-C ends at once.

Exit codes: see shell/errors.py.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from errno import EISDIR
from pathlib import Path
from typing import Any

from shell.errors import Complaint, ExitCode

__all__ = ["complain", "main", "parse_arguments"]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; argparse itself exits with 2 on unknown options."""
    parser = argparse.ArgumentParser(
        prog="python -m shell.live",
        description="Trade a session and end with a report. Without options: a simulated session on the "
        "embedded exchange, no credentials needed.",
        epilog="Keys for --paper and --live come from APCA_API_KEY_ID and APCA_API_SECRET_KEY.",
    )
    broker = parser.add_mutually_exclusive_group()
    broker.add_argument("--exchange", metavar="URL", help="join an exchange that already runs")
    broker.add_argument("--paper", action="store_true", help="trade Alpaca's paper account")
    broker.add_argument("--live", action="store_true", help="trade the real account, with real money")
    parser.add_argument("--bars", nargs="+", action="extend", default=[], type=Path, metavar="FILE",
                        help="CSV files of bars for the session, e.g. SPY_2013-10-08.csv")  # fmt: skip
    parser.add_argument("--seed", help="seed of the session (default: the configuration's)")
    parser.add_argument("--speed", help="simulated seconds per second, or max (default: the configuration's)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE",
                        help="the embedded exchange misbehaves so, rate 0 to 1; repeatable")  # fmt: skip
    parser.add_argument("--faults", type=Path, metavar="FILE.toml", help="a plan of such faults")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--journal", metavar="PATH", help="the journal's file, or memory")
    parser.add_argument("--verify-journal", action="store_true",
                        help="replay all of the journal at the start and check its snapshots")  # fmt: skip
    parser.add_argument("--arm", default="", metavar="REASON", help="arm once the books agree, although the "
                        "desk was paused, disarmed or reducing when it ended")  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--no-panel", action="store_true", help="plain lines, no live panel")
    return parser.parse_args(arguments)


# ---------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    return complain(lambda: _run(options))


def complain(run: Callable[[], int]) -> int:
    """Runs, and turns whatever ends it into one line and an exit code."""
    try:
        return run()
    except Complaint as error:
        complaint = error
    except KeyboardInterrupt:
        complaint = Complaint("interrupted", ExitCode.INTERRUPTED)
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - nothing escapes as a traceback
        from shell.bugs import complaint_of

        complaint = complaint_of(error, None)
    print(f"live: {complaint.line}", file=sys.stderr)
    return complaint.code


def _run(options: argparse.Namespace) -> int:
    """Imports what a session needs only now: --help is quick, and Ctrl-C during the imports is one line."""
    import trio

    from shell.config import load_settings
    from shell.container import run_session
    from shell.planning import make_plan
    from shell.report import text_report, write_report

    settings = load_settings(options.config)
    path = options.report or (Path(settings.shell.screen.report) if settings.shell.screen.report else None)
    if path is not None:
        _check_writable(path)
    plan = make_plan(options, settings)
    report = trio.run(run_session, plan)
    print(text_report(report))
    if plan.journal is not None:
        print(f"replay     python -m shell.replay {plan.journal}")
    if path is not None:
        try:
            write_report(report, path)
        except OSError as error:
            text = f"--report {path}: can't be written ({error.strerror}); it stands above"
            raise Complaint(text, ExitCode.SESSION_FAILED) from None
    if failure := failure_of(report):
        raise Complaint(f"the session failed: {failure}", ExitCode.SESSION_FAILED)
    return ExitCode.OK


def _check_writable(path: Path) -> None:
    """Complains of a report that could not be written, before hours of trading instead of after."""
    from shell.report import draft_of

    draft = draft_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.touch()
        draft.unlink()
        if path.is_dir():
            raise IsADirectoryError(EISDIR, "is a directory")
    except OSError as error:
        raise Complaint(f"--report {path}: can't be written ({error.strerror})") from None


def failure_of(report: dict[str, Any]) -> str:
    """Why a session did not end well, in a line; empty when the books agree and every invariant held."""
    violated: int = report["invariants"]["violated"]
    differences: list[str] = report["differences"]
    if violated:
        return f"{violated} invariants violated (see the alerts in the report)"
    if not differences:
        return ""
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return f"{differences[0]}{more}"


if __name__ == "__main__":
    sys.exit(main())
