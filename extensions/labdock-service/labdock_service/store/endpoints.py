"""Endpoints and revisions: what is wanted is written by the API, what serves by the reconciler."""

from __future__ import annotations

import time
from collections.abc import Collection

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from labdock.schema import Resources
from labdock.servingschema import Endpoint, Revision, Traffic
from labdock_service.errors import Conflict
from labdock_service.ids import new_id
from labdock_service.store import events
from labdock_service.store.tables import (
    EndpointRow,
    ModelRow,
    PersonRow,
    ProjectRow,
    RevisionRow,
)


def ensure(session: Session, project: ProjectRow, name: str, owner: PersonRow) -> EndpointRow:
    """The project's endpoint of that name, made if there is none."""
    row = find_named(session, project.id, name)
    if row is None:
        row = EndpointRow(
            id=new_id("e"),
            project_id=project.id,
            owner_id=owner.id,
            name=name,
            created=time.time(),
            traffic=[],
        )
        session.add(row)
        session.flush()
        _event(session, row, owner.name, "endpoint.created")
    return row


def find_named(session: Session, project_id: str, name: str) -> EndpointRow | None:
    """The project's endpoint of that name."""
    return session.scalar(
        select(EndpointRow).where(
            EndpointRow.project_id == project_id,
            EndpointRow.name == name,
            EndpointRow.deleted.is_(None),
        )
    )


def listed(session: Session, projects: Collection[str]) -> list[Endpoint]:
    """Endpoints of these project ids, by name."""
    query = select(EndpointRow).where(
        EndpointRow.deleted.is_(None), EndpointRow.project_id.in_(projects)
    )
    revisions = selectinload(EndpointRow.revisions).lazyload(RevisionRow.model)
    query = query.options(revisions).order_by(EndpointRow.name)
    return [view(row) for row in session.scalars(query)]


def with_ids(session: Session, ids: Collection[str]) -> tuple[list[Endpoint], list[str]]:
    """The endpoints of these ids by name, and the ids of those that are deleted."""
    query = select(EndpointRow).where(EndpointRow.id.in_(ids)).order_by(EndpointRow.name)
    rows = list(session.scalars(query))
    there = [view(row) for row in rows if row.deleted is None]
    return there, [row.id for row in rows if row.deleted is not None]


def find_revision(session: Session, revision_id: str) -> RevisionRow | None:
    """A revision by id."""
    return session.get(RevisionRow, revision_id)


def deploy(
    session: Session,
    endpoint: EndpointRow,
    model: ModelRow,
    resources: Resources,
    actor: str,
    *,
    anyway: bool = False,
) -> RevisionRow:
    """Want this model version behind the endpoint, as a new revision."""
    now = time.time()
    last = session.scalar(
        select(func.max(RevisionRow.number)).where(RevisionRow.endpoint_id == endpoint.id)
    )
    row = RevisionRow(
        id=new_id("r"),
        endpoint_id=endpoint.id,
        model_id=model.id,
        number=(last or 0) + 1,
        before=_serving(endpoint),
        resources=msgspec.to_builtins(resources),
        anyway=anyway,
        created=now,
        state="starting",
        message="Waits for its model server.",
        attempt=0,
        failures=0,
        changed=now,
        server="",
    )
    session.add(row)
    session.flush()
    session.refresh(endpoint, ["revisions"])
    endpoint.wanted = row.id
    session.flush()  # a refresh by the caller would lose what is not written yet
    data = {"revision": row.id, "model": model.id, "anyway": anyway}
    events.add(
        session,
        endpoint.project_id,
        actor,
        "endpoint.deployed",
        endpoint=endpoint.id,
        job=model.job_id,
        data=data,
    )
    return row


def undo(session: Session, endpoint: EndpointRow, actor: str) -> None:
    """Want the revision before: the one that serves still, or the one that served before it."""
    before = _before(endpoint)
    if before is None:
        raise Conflict(f"Endpoint {endpoint.name} has no revision before this one to go back to.")
    endpoint.wanted = before
    _event(session, endpoint, actor, "endpoint.undone", revision=endpoint.wanted)


def delete(session: Session, endpoint: EndpointRow, actor: str) -> None:
    """Want the endpoint gone: its revisions are retired, and its name is free."""
    endpoint.deleted = time.time()
    endpoint.wanted = None
    _event(session, endpoint, actor, "endpoint.deleted")


def view(row: EndpointRow) -> Endpoint:
    """The endpoint's wire form."""
    return Endpoint(
        id=row.id,
        project=row.project.name,
        name=row.name,
        url=f"/services/endpoints/{row.project.name}/{row.name}",
        traffic=msgspec.convert(row.traffic, list[Traffic]),
        revisions=[revision_view(revision) for revision in row.revisions],
        created=row.created,
        before=_before(row),
    )


def revision_view(row: RevisionRow) -> Revision:
    """The revision's wire form."""
    return Revision(
        id=row.id,
        endpoint=row.endpoint_id,
        number=row.number,
        model=row.model_id,
        state=row.state,  # type: ignore[arg-type]
        created=row.created,
        message=row.message,
        server=row.server,
    )


def _before(endpoint: EndpointRow) -> str | None:
    """The one that serves still, or the one that served before it."""
    serving = _serving(endpoint)
    if serving is not None and serving != endpoint.wanted:
        return serving
    wanted = (row for row in endpoint.revisions if row.id == endpoint.wanted)
    return next((row.before for row in wanted), None)


def _serving(endpoint: EndpointRow) -> str | None:
    return endpoint.traffic[0]["revision"] if endpoint.traffic else None


def _event(
    session: Session, endpoint: EndpointRow, actor: str, kind: str, **data: str | None
) -> None:
    described = {"name": endpoint.name, **data}
    events.add(session, endpoint.project_id, actor, kind, endpoint=endpoint.id, data=described)
