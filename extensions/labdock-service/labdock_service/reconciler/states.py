"""A job's change of state, and the event that tells of it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from labdock.schema import JobState
from labdock_service.reconciler.parts import ACTOR
from labdock_service.store import events
from labdock_service.store.tables import JobRow


def change(session: Session, job: JobRow, state: JobState, message: str) -> None:
    """Bring a job into a state, with an event that says so."""
    job.state, job.message = state, message
    data = {"message": message, "attempt": job.attempt}
    events.add(session, job.project_id, ACTOR, f"job.{state}", job=job.id, data=data)


def note(session: Session, job: JobRow, message: str) -> None:
    """Say something new about the state that a job is in, with an event that says so."""
    job.message = message
    data = {"message": message, "state": job.state}
    events.add(session, job.project_id, ACTOR, "job.noted", job=job.id, data=data)
