"""Workers: written before they are started, so that none runs without a record."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

CHUNK = 500
LIVE = ("starting", "running")
"""States of a worker that has not ended: named, so that an index finds the few."""


def live(session: Session) -> list[WorkerRow]:
    """Workers that were not seen to have ended, or that have not been started yet."""
    query = select(WorkerRow).where(WorkerRow.state.in_(LIVE)).order_by(WorkerRow.id)
    return list(session.scalars(query))


def known(session: Session, ids: Collection[str]) -> set[str]:
    """Those of the ids that there is a record of."""
    wanted = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        found |= set(session.scalars(select(WorkerRow.id).where(WorkerRow.id.in_(chunk))))
    return found


def of_attempt(session: Session, job_id: str, attempt: int) -> list[WorkerRow]:
    """The workers of one attempt of a job, by rank."""
    query = select(WorkerRow).where(WorkerRow.job_id == job_id, WorkerRow.attempt == attempt)
    return list(session.scalars(query.order_by(WorkerRow.rank)))


def of_revision(session: Session, revision_id: str, attempt: int) -> WorkerRow | None:
    """A revision's model server of that number."""
    return session.scalar(
        select(WorkerRow).where(WorkerRow.revision_id == revision_id, WorkerRow.attempt == attempt)
    )


def of_revisions(session: Session, revision_id: str) -> list[WorkerRow]:
    """All model servers that a revision has had, oldest first."""
    query = select(WorkerRow).where(WorkerRow.revision_id == revision_id)
    return list(session.scalars(query.order_by(WorkerRow.attempt)))


def outages(session: Session, job: JobRow) -> int:
    """How many attempts an outage of the machine ended since the job was last asked for."""
    query = select(func.count()).where(
        AttemptRow.job_id == job.id,
        AttemptRow.ending == "outage",
        AttemptRow.number > job.retried_after,
    )
    return session.scalar(query) or 0
