"""What the session's record says, as questions."""

from kernel.session.record import SessionRecord

__all__ = ["is_synced"]


def is_synced(session: SessionRecord) -> bool:
    """Whether our books and the broker's were last seen to agree (in this epoch)."""
    return session.synced_at > 0 and session.sync_failures == 0
