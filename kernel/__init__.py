"""The safety kernel: a strategy proposes, the kernel decides, the shell acts.

    step(desk, event) -> Step(desk, commands, wake_at, trace)

Pure: no clock, no IO, no randomness, no logging, integers only. Everything else in this package is a
helper of `step`; the events and commands are the closed unions of kernel.events and kernel.commands.
"""

from kernel.commands import Command
from kernel.desk import EMPTY_DESK, Desk
from kernel.events import Event
from kernel.step import Step, step

__all__ = ["EMPTY_DESK", "Command", "Desk", "Event", "Step", "step"]
