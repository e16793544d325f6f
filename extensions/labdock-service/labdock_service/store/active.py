"""What the reconciler goes through in every pass: jobs, endpoints and revisions in motion."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from labdock_service.store.tables import (
    DELETED_OR_HIDDEN,
    EndpointRow,
    JobRow,
    RevisionRow,
    WorkerRow,
)
from labdock_service.store.workers import LIVE

IN_MOTION = ("packaging", "starting", "running", "stopping")


@dataclass(frozen=True)
class QueuedJob:
    """What the queue has to know of a job: a thousand of them are read in every pass."""

    id: str
    name: str
    workers: int
    cpus: float
    memory: int
    gpus: int
    queued: float
    message: str


def jobs(session: Session) -> list[JobRow]:
    """Jobs that there may be a step to take for, oldest first: not those that only wait."""
    retried = select(JobRow.id).where(JobRow.retries > JobRow.retries_seen)
    query = select(JobRow).where(
        or_(
            JobRow.state.in_(IN_MOTION),
            and_(JobRow.state == "queued", JobRow.target == "stopped"),
            JobRow.id.in_(retried),  # a query of its own finds its index
        )
    )
    return list(session.scalars(query.order_by(JobRow.queued, JobRow.id)))


def deleted_jobs(session: Session, before: float) -> list[JobRow]:
    """Jobs that were deleted or restored and whose files do not yet say so, or too long ago.

    `before` is the time: of those that are hidden only those deleted before it come.
    """
    due = or_(JobRow.deleted.is_(None), JobRow.files != "hidden", JobRow.deleted < before)
    query = select(JobRow).where(text(DELETED_OR_HIDDEN), due)  # the text finds its index
    return list(session.scalars(query.order_by(JobRow.id)))


def queue(session: Session) -> list[QueuedJob]:
    """Jobs that wait for their turn, in its order."""
    columns = (getattr(JobRow, name) for name in QueuedJob.__dataclass_fields__)
    query = select(*columns).where(JobRow.state == "queued", JobRow.target == "succeeded")
    return [QueuedJob(*row) for row in session.execute(query.order_by(JobRow.queued, JobRow.id))]


def ends(session: Session) -> dict[str, float]:
    """In how many seconds running jobs end, by id, as far as their progress says."""
    query = select(JobRow.id, JobRow.progress).where(JobRow.state == "running")
    found = {job: progress.get("seconds_left") for job, progress in session.execute(query)}
    return {job: seconds for job, seconds in found.items() if seconds is not None}


def any_running(session: Session) -> bool:
    """Whether an attempt of any job is not written down as over yet."""
    query = select(JobRow.id).where(JobRow.state.in_(("starting", "running", "stopping")))
    return session.scalar(query.limit(1)) is not None


def revisions(session: Session) -> list[RevisionRow]:
    """Revisions that are wanted or not at rest, or whose model server is not: newest first."""
    live = select(WorkerRow.revision_id).where(
        WorkerRow.state.in_(LIVE), WorkerRow.revision_id.is_not(None)
    )
    query = (
        select(RevisionRow)
        .join(RevisionRow.endpoint)
        .where(
            or_(
                RevisionRow.state.not_in(("retired", "failed")),
                EndpointRow.wanted == RevisionRow.id,
                RevisionRow.id.in_(live),
            )
        )
    )
    return list(session.scalars(query.order_by(RevisionRow.endpoint_id, RevisionRow.number.desc())))


def endpoints(session: Session) -> list[EndpointRow]:
    """Endpoints that the router shall know."""
    query = select(EndpointRow).where(EndpointRow.deleted.is_(None))
    return list(session.scalars(query.order_by(EndpointRow.id)))
