"""A line of an order's story: its topic, its text, and how it stands in the table.

A line is `event  time  topic  text`, tab-free, with two or more spaces between columns; the first three are
of fixed width, so `grep ' exec '`, `cut` and `awk` work on it. Nothing is wrapped.
"""

from enum import Enum
from typing import Final, NamedTuple

from kernel.units import ZERO_QUANTITY, Instant, Quantity
from shell.story_words import stamp

__all__ = ["HEADING", "Said", "StoryLine", "Topic", "line_text"]


class Topic(Enum):
    """What a line is about. The first ones are what happened, the others what came of it."""

    BAR = "bar"
    """A closed bar: what strategies propose on."""
    QUOTE = "quote"
    """A quote came in."""
    STREAM = "stream"
    """The order stream said something about it."""
    ANSWER = "answer"
    """A call about it was answered."""
    LIST = "list"
    """It stood in a list of orders."""
    FILLS = "fills"
    """It stood in the fill activities."""
    TICK = "tick"
    """A deadline fell due."""
    OPERATOR = "operator"
    """A person's word."""
    START = "start"
    """The process began."""
    LINK = "link"
    """A stream's connection changed."""
    CLOCK = "clock"
    """Wall time stepped."""
    UNREAD = "unread"
    """Something that nobody could read."""
    OTHER = "other"
    """An answer about something else."""

    INTENT = "intent"
    """What its strategy proposed, and why."""
    CHECK = "check"
    """One check of the gate and its outcome."""
    GATE = "gate"
    """What the gate said in all."""
    ORDER = "order"
    """It was booked under its name."""
    WITHDRAW = "withdraw"
    """Its strategy took its entries back."""
    DROPPED = "dropped"
    """It never left, and why."""
    STATUS = "status"
    """Its status moved."""
    CANCEL = "cancel"
    """Its cancel request moved."""
    REPLACE = "replace"
    """Its replace request moved."""
    TERMS = "terms"
    """Its quantity, prices or time to live changed."""
    LEG = "leg"
    """The broker's id of it, or of a further leg, became known."""
    EXEC = "exec"
    """An execution counts, or counts no more."""
    BOOKED = "booked"
    """What the broker's cumulative figures book beyond the executions that we saw."""
    DOUBT = "doubt"
    """What is pursued until it is known."""
    COMMAND = "command"
    """A call about it left."""
    ANOMALY = "anomaly"
    """Something that was counted, and not said aloud."""
    ALERT = "alert"
    """A person was told."""
    DRIFT = "drift"
    """A drift case about it moved."""
    END = "end"
    """It ended."""


class Said(NamedTuple):
    """One thing to tell of a step."""

    topic: Topic
    text: str
    booked: Quantity = ZERO_QUANTITY
    """How it changed the order's booked quantity (unsigned by side): the story's sum is the order's."""


class StoryLine(NamedTuple):
    """The same with its place in the journal."""

    event: int
    """Number of the record."""
    at: Instant
    """The desk's time."""
    said: Said


TOPIC_WIDTH: Final = max(len(topic.value) for topic in Topic)
EVENT_WIDTH: Final = 7
HEADING: Final = f"{'event':>{EVENT_WIDTH}}  {'time (UTC)':<30}  {'what':<{TOPIC_WIDTH}}"


def line_text(line: StoryLine) -> str:
    """The line of the table."""
    topic = line.said.topic.value
    return f"{line.event:>{EVENT_WIDTH}}  {stamp(line.at)}  {topic:<{TOPIC_WIDTH}}  {line.said.text}"
