"""A store with a person, a project and a snapshot that is ready to run."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.schema import Requirements, Source
from labdock_service.store import Store, people, snapshots, sources
from labdock_service.store.tables import PersonRow, ProjectRow, SnapshotRow

ENVIRONMENT = "sha256:" + "e" * 64
FOUNDATION = "sha256:" + "f" * 64


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'labdock.sqlite'}"


def upgraded(url: str) -> Store:
    store = Store(url)
    store.upgrade()
    return store


def ada(session: Session) -> tuple[PersonRow, ProjectRow]:
    person = people.ensure_person(session, "ada", "2026-01-01T00:00:00Z")
    return person, people.personal_project(session, person)


def make_snapshot(
    session: Session, source: Source | None = None, environment: str = ENVIRONMENT
) -> SnapshotRow:
    person, project = ada(session)
    source = source or Source(
        digest="sha256:" + "a" * 64, entry="train.py", files=[], requirements=Requirements()
    )
    sources.save(session, project.id, source)
    return snapshots.request(
        session,
        project.id,
        person,
        source,
        environment=environment,
        foundation=FOUNDATION,
        runtime="0.1.0",
    )


def every_project(session: Session) -> list[str]:
    """The ids of all projects."""
    return list(session.scalars(select(ProjectRow.id)))
