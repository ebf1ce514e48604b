"""What the shell's tasks share about a running session: figures for the panel and the report.

Nothing here decides anything; the kernel never sees it.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from kernel import Desk
from kernel.commands import Alert

__all__ = ["ALERTS_MAX", "Latencies", "SessionFigures"]

ALERTS_MAX: Final = 200
"""Alerts kept for the panel and the report; all of them follow from the journal."""

SAMPLES_MAX: Final = 200_000
"""Latency samples kept; beyond it every further one is only counted."""


@dataclass(slots=True)
class Latencies:
    """Real-time waits in nanoseconds."""

    samples: list[int] = field(default_factory=list)
    beyond: int = 0

    def add(self, nanoseconds: int) -> None:
        """One wait."""
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(nanoseconds)
        else:
            self.beyond += 1

    def percentile(self, share: float) -> float | None:
        """In milliseconds; None without samples."""
        if not self.samples:
            return None
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6


@dataclass(slots=True)
class SessionFigures:
    """Counts and waits of this process; the kernel's own counters are in the Desk."""

    desk: Desk
    started_ns: int = field(default_factory=time.monotonic_ns)
    events: int = 0
    commits: int = 0
    alerts: list[Alert] = field(default_factory=list)
    alerts_dropped: int = 0
    frame_to_stepped: Latencies = field(default_factory=Latencies)
    bar_to_wire: Latencies = field(default_factory=Latencies)
    """From a bar's arrival to its submit's request being made by a worker."""
    bars_heard: dict[int, int] = field(default_factory=dict)
    """By call: when the bar came in that a submit on its way answers (monotonic nanoseconds)."""
    bars_done: int = 0
    bars_total: int = 0
    ended: bool = False
    notes: list[str] = field(default_factory=list)
    base: int = 0
    """The event of the snapshot that this start used; 0 for none."""
    replayed: int = 0
    """Events that this start replayed."""
    replay_s: float = 0.0
    snapshots: int = 0
    """Snapshots written."""

    def alert(self, alert: Alert) -> None:
        """Keeps an alert, up to ALERTS_MAX."""
        if len(self.alerts) < ALERTS_MAX:
            self.alerts.append(alert)
        else:
            self.alerts_dropped += 1
