"""Where log lines go: to a file beside the journal, so that they never garble the panel or the report.

    JOURNAL.log   one line for each alert: session time is in the journal, wall time is here
    nowhere       where the journal is in memory: the panel and the report have the alerts

Rules:
1. A log that can't be written never stops trading: the first failure is kept (`failure`), the rest is
   counted.
2. It holds alerts of the kernel and nothing that is not in the journal too.
"""

from pathlib import Path
from typing import Any, TextIO

import structlog

__all__ = ["Log", "open_log"]


class Log:
    """A text file that survives a full disk."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self.lost = 0
        self.failure = ""

    def write(self, text: str) -> int:
        """One line; never raises."""
        if self._file is not None:
            try:
                self._file.write(text)
                self._file.flush()
            except (OSError, ValueError) as error:
                self.lost += 1
                self.failure = self.failure or f"{type(error).__name__}: {error}"
        return len(text)

    def flush(self) -> None:
        """Every line is flushed already."""

    def close(self) -> None:
        """The file's end."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self.failure = self.failure or f"{type(error).__name__}: {error}"
        self._file = None


def open_log(journal: Path | None) -> Log:
    """The log of a session, and structlog's settings for it."""
    log = Log(_file(journal))
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "code", "event"]),
    ]
    structlog.configure(
        processors=processors,
        logger_factory=structlog.WriteLoggerFactory(log),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    return log


def _file(journal: Path | None) -> TextIO | None:
    if journal is None:
        return None
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        return Path(f"{journal}.log").open("a", encoding="utf-8")
    except OSError:
        # The journal beside it is about to say the same, with its own exit code.
        return None
