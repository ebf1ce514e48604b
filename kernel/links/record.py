"""One stream's connection, as the desk knows it."""

from typing import Final, NamedTuple

from kernel.events import LinkName
from kernel.links.chart import LinkState
from kernel.units import Instant

__all__ = ["INDEX", "NO_LINKS", "LinkRecord", "link_of"]


class LinkRecord(NamedTuple):
    """A link: its state and the plan for opening it again."""

    link: LinkName
    state: LinkState
    since: Instant
    attempts: int
    """Consecutive failed attempts; sets the backoff. A connection that did not live long is one too."""
    reopen_at: Instant
    """When it will be opened again; zero for no plan."""
    connects: int
    """Connections made in all."""
    detail: str
    """What the shell last said about it."""
    last_heard: Instant
    refusals: int
    """Consecutive refusals of our credentials."""
    lives: int
    """Times that it was live in this run: credentials that were good once are never condemned."""


NO_LINKS: Final = tuple(
    LinkRecord(link, LinkState.DOWN, Instant(0), 0, Instant(0), 0, "", Instant(0), 0, 0) for link in LinkName
)
INDEX: Final = {link: index for index, link in enumerate(LinkName)}


def link_of(links: tuple[LinkRecord, ...], link: LinkName) -> LinkRecord:
    """The record of a link."""
    return links[INDEX[link]]
