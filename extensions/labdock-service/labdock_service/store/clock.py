"""Times that lie ahead, since the clock was set back while nobody looked."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from labdock_service.store.tables import AttemptRow, RevisionRow

_BEGINNINGS = (AttemptRow.planned, AttemptRow.started, RevisionRow.changed)
"""What deadlines are counted from."""


def set_right(session: Session, now: float) -> None:
    """Let what has begun in the future have begun now: else its deadline would be as far off."""
    for column in _BEGINNINGS:
        session.execute(update(column.class_).where(column > now).values({column: now}))
