"""The one append-only table of events."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labdock.schema import Event
from labdock_service.store.tables import EventRow, ProjectRow

EPOCH, PROGRESS = "job.epoch", "job.progress"
"""What jobs tell of their training; there may be very many of these."""


class Subject(NamedTuple):
    """What an event was about: ids of a project, and of a job or an endpoint of it."""

    event: int
    project: str
    job: str | None
    endpoint: str | None


def add(
    session: Session,
    project_id: str,
    actor: str,
    kind: str,
    *,
    job: str | None = None,
    endpoint: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append an event."""
    session.add(
        EventRow(
            time=time.time(),
            project_id=project_id,
            actor=actor,
            kind=kind,
            job_id=job,
            endpoint_id=endpoint,
            data=data or {},
        )
    )


def after(
    session: Session,
    projects: Collection[str],
    after: int,
    *,
    job: str | None = None,
    progress: bool = True,
    limit: int = 500,
) -> list[Event]:
    """Events with greater ids, oldest first, of these project ids and this job.

    Without `progress`, not what jobs tell of their epochs and steps.
    """
    query = select(EventRow).where(EventRow.id > after, EventRow.project_id.in_(projects))
    if job is not None:
        query = query.where(EventRow.job_id == job)
    if not progress:
        query = query.where(EventRow.kind.not_in((EPOCH, PROGRESS)))
    return [view(row) for row in session.scalars(query.order_by(EventRow.id).limit(limit))]


def latest(session: Session, job: str, kind: str, attempt: int) -> dict[str, Any] | None:
    """What the newest event of a kind says that an attempt before this one brought about."""
    query = select(EventRow).where(EventRow.job_id == job, EventRow.kind == kind)
    newest_first = query.order_by(EventRow.id.desc()).execution_options(yield_per=50)
    told = (row.data for row in session.scalars(newest_first))
    return next((data for data in told if data.get("attempt", 0) < attempt), None)


def since(session: Session, after: int) -> list[tuple[int, str, str | None]]:
    """Id, project id and job id of every event with a greater id."""
    query = select(EventRow.id, EventRow.project_id, EventRow.job_id).where(EventRow.id > after)
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def subjects(session: Session, projects: Collection[str], after: int, limit: int) -> list[Subject]:
    """What the events with greater ids of these projects were about, oldest first."""
    query = select(EventRow.id, EventRow.project_id, EventRow.job_id, EventRow.endpoint_id).where(
        EventRow.id > after, EventRow.project_id.in_(projects)
    )
    found = session.execute(query.order_by(EventRow.id).limit(limit))
    return [Subject(*row) for row in found]


def last(session: Session) -> int:
    """The greatest id so far, 0 where there is no event."""
    return session.scalar(select(func.max(EventRow.id))) or 0


def view(row: EventRow) -> Event:
    """The event's wire form."""
    project: ProjectRow = row.project
    return Event(
        id=row.id,
        time=row.time,
        project=project.name,
        actor=row.actor,
        kind=row.kind,
        job=row.job_id,
        endpoint=row.endpoint_id,
        data=row.data,
    )
