"""What the reconciler goes through in every pass: jobs, endpoints and revisions in motion."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from labdock.schema import ENDED
from labdock_service.store.tables import EndpointRow, JobRow, RevisionRow, WorkerRow


def jobs(session: Session) -> list[JobRow]:
    """Jobs that have not ended, or that a person wants to run again, oldest first."""
    query = select(JobRow).where(
        or_(JobRow.state.not_in(ENDED), JobRow.retries > JobRow.retries_seen)
    )
    return list(session.scalars(query.order_by(JobRow.queued, JobRow.id)))


def queue(session: Session) -> list[JobRow]:
    """Jobs that wait for their turn."""
    query = select(JobRow).where(JobRow.state == "queued", JobRow.target == "succeeded")
    return list(session.scalars(query.order_by(JobRow.queued, JobRow.id)))


def any_running(session: Session) -> bool:
    """Whether an attempt of any job is not written down as over yet."""
    query = select(JobRow.id).where(JobRow.state.in_(("starting", "running", "stopping")))
    return session.scalar(query.limit(1)) is not None


def revisions(session: Session) -> list[RevisionRow]:
    """Revisions that are wanted or not at rest, or whose model server is not: newest first."""
    live = select(WorkerRow.revision_id).where(
        WorkerRow.state != "ended", WorkerRow.revision_id.is_not(None)
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
