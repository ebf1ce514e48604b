"""`python -m tests.conformance KIND PATH`: runs scenario files and wire corpora against the product.

    orders FILE.json       order lifecycles
    payloads DIR           every recorded wire example is decoded, or it is said why not

Closes with `N passed, M failed`, a line for each failure before it; exit 1 when anything failed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.conformance.orders import run_file
from tests.conformance.payloads import MALFORMED, judge, read_corpus


def orders(path: Path) -> tuple[int, int]:
    """Order scenarios."""
    passed = failed = 0
    for outcome in run_file(path):
        if outcome.failures:
            failed += 1
            print(f"FAILED {outcome.name}: {'; '.join(outcome.failures)}")
        else:
            passed += 1
    return passed, failed


def payloads(path: Path) -> tuple[int, int]:
    """Wire examples: a line passes when it has a verdict; what is not decoded is listed with its reason."""
    verdicts: Counter[str] = Counter()
    failed = lines = 0
    for line in read_corpus(path):
        try:
            found = judge(line)
        except Exception as problem:  # noqa: BLE001 - a decoder that raises is what this run looks for
            failed += 1
            print(f"FAILED {line.where}: {problem!r}")
            continue
        lines += 1
        for verdict in found:
            verdicts[verdict.outcome] += 1
            if verdict.outcome == MALFORMED:
                print(f"malformed {line.where}: {verdict.reason}")
    print(", ".join(f"{count} {word}" for word, count in sorted(verdicts.items())))
    return lines, failed


KINDS: dict[str, Callable[[Path], tuple[int, int]]] = {"orders": orders, "payloads": payloads}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    if not options.path.exists():
        print(f"conformance: {options.path}: no such file or folder", file=sys.stderr)
        return 2
    passed, failed = KINDS[options.kind](options.path)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
