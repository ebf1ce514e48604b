"""The proof lane: `python -m specs.prove` asks CrossHair to confirm every law over all paths.

It prints a line for each law as it ends (verdict, promise, name, seconds) and exits 1 unless every law is
"Confirmed over all paths". A proof that checks nothing must fail, so it also refuses:
1. an empty run, a law file without laws, and fewer verdicts than laws;
2. a law without a promise, and a postcondition that does not speak of the result;
3. a kernel with a compiled module in it (CrossHair is blind to those), or a kernel from elsewhere;
4. canaries (canary.py) that are not refuted at their planted figure, or no canary at all;
5. a bounded list (bounded.toml) that is too long, names no law, or does not say bound and reason.
A bounded law's precondition cuts its domain: inside its bound it is confirmed like the others.

Every law runs in a process of its own, `--jobs` at a time; limits are CPU seconds, so a busy machine changes
no verdict. Exit codes: 0 all confirmed, 1 something is not, 2 bad usage.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from specs.prove_crosshair import Canary, check_canary, check_law
from specs.prove_laws import (
    Law,
    ProveError,
    Result,
    Verdict,
    check_kernel,
    discover,
    read_bounded,
    read_planted,
)

__all__ = ["main"]

HERE = Path(__file__).resolve().parent


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m specs.prove", description="Prove the laws of the kernel."
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time (default 2)")
    parser.add_argument(
        "--only", metavar="NAME", help="only laws whose name contains NAME; never a whole proof"
    )
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="CPU seconds for a law (60)")
    parser.add_argument("--laws", type=Path, default=HERE, metavar="DIR", help="where the law files are")
    parser.add_argument(
        "--kernel", type=Path, default=HERE.parent / "kernel", metavar="DIR", help="the kernel"
    )
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.jobs <= 64:
        parser.error(f"--jobs is {arguments.jobs}, must be 1 to 64")
    if arguments.seconds <= 0:
        parser.error(f"--seconds is {arguments.seconds}, must be positive")
    return arguments


def _prove(laws: Sequence[Law], bounded: dict[str, str], jobs: int, seconds: float) -> Iterator[Result]:
    """The verdicts as they come."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(check_law, law, seconds, law.name in bounded) for law in laws]
        for future in as_completed(futures):
            yield future.result()


def _canaries(canaries: Sequence[Canary], jobs: int, seconds: float) -> list[str]:
    """What is wrong with the canaries; empty when each was refuted at its planted figure."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        problems = pool.map(lambda canary: check_canary(canary, seconds), canaries)
        return [problem for problem in problems if problem]


def _show(number: int, total: int, result: Result) -> None:
    width = len(str(total))
    promise = ",".join(result.law.promises)
    print(
        f"[{number:{width}}/{total}] {result.verdict.value:9}  {promise:4}  {result.law.name:58}"
        f"{result.seconds:6.1f} s" + (f"  {result.detail}" if result.detail else ""),
        flush=True,
    )


def _report(results: Sequence[Result], canaries: int) -> dict[str, object]:
    return {
        "laws": [
            {
                "name": result.law.name,
                "promise": ",".join(result.law.promises),
                "verdict": result.verdict.value,
                "seconds": round(result.seconds, 3),
            }
            for result in sorted(results, key=lambda result: result.law.name)
        ],
        "functions": sum(1 for result in results if result.checked),
        "canaries": canaries,
    }


def _run(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    modules = check_kernel(arguments.kernel)
    laws = discover(arguments.laws)
    bounded = read_bounded(arguments.laws / "bounded.toml", laws)
    canaries = [Canary(law, figure) for law, figure in read_planted(arguments.laws / "canary.py")]
    if arguments.only:
        laws = [law for law in laws if arguments.only in law.name]
        if not laws:
            raise ProveError(f"--only {arguments.only}: no law has this in its name")
    print(f"{len(laws)} laws over {modules} kernel modules, {len(canaries)} canaries first", flush=True)
    missed = _canaries(canaries, arguments.jobs, arguments.seconds)
    for problem in missed:
        print(f"CANARY {problem}", flush=True)
    results: list[Result] = []
    for result in _prove(laws, bounded, arguments.jobs, arguments.seconds):
        results.append(result)
        _show(len(results), len(laws), result)
    if arguments.json is not None:
        report = _report(results, len(canaries) - len(missed))
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    failed = [result.law.name for result in results if result.verdict is Verdict.FAILED]
    checked = sum(1 for result in results if result.checked)
    confirmed = sum(1 for result in results if result.verdict is Verdict.CONFIRMED)
    held = sum(1 for result in results if result.verdict is Verdict.BOUNDED)
    print(
        f"{confirmed} confirmed over all paths, {held} bounded, {len(failed)} failed, "
        f"{len(canaries) - len(missed)} of {len(canaries)} canaries caught, {time.monotonic() - began:.1f} s"
    )
    if checked < len(laws):
        print(f"FAILED: {checked} laws were checked, {len(laws)} were found", file=sys.stderr)
        return 1
    if failed or missed:
        print(f"FAILED: {', '.join(failed) or 'canaries missed'}", file=sys.stderr)
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the proof; returns the exit code."""
    arguments = _arguments(argv)
    try:
        return _run(arguments)
    except ProveError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
