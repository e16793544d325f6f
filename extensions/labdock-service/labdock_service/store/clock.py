"""Times that lie ahead, since the clock was set back while nobody looked."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from labdock_service.store.tables import AttemptRow, JobRow, NotebookRow, OutboxRow, RevisionRow

_BEGINNINGS = (
    AttemptRow.planned,
    AttemptRow.started,
    NotebookRow.asked,
    RevisionRow.changed,
)
"""What deadlines are counted from."""


def set_right(session: Session, now: float) -> None:
    """Let what has begun in the future have begun now: else its deadline would be as far off."""
    for column in _BEGINNINGS:
        session.execute(update(column.class_).where(column > now).values({column: now}))
    late = OutboxRow.created > now
    session.execute(update(OutboxRow).where(late).values(created=now, due=now))
    _queue_before(session, now)


def _queue_before(session: Session, now: float) -> None:
    """Let no job queue behind those that are still to come; the order stays as it was."""
    latest = session.scalar(select(func.max(JobRow.queued)))
    if latest is not None and latest > now:
        moved = JobRow.queued - (latest - now)
        session.execute(update(JobRow).where(JobRow.queued > now).values(queued=moved))
