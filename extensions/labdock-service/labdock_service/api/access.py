"""Who may do what: each object is loaded by a dependency that also decides.

Members of a project see what it owns; an object's owner and the project's admins change it, and
everybody in it what was made in the project's own server.
Members ask an endpoint's model too, so they make keys of it that soon expire, also where the
project's own server deployed it.
What a person may not see does not exist for them (404).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from sqlalchemy.orm import Session

from labdock.schema import Person, Project
from labdock_service.api.parts import PartsOf, Reading, Writing
from labdock_service.errors import Forbidden, NotFound
from labdock_service.names import account_of, is_account
from labdock_service.store import endpoints, grids, jobs, models, snapshots
from labdock_service.store.tables import (
    EndpointRow,
    GridRow,
    JobRow,
    ModelRow,
    PersonRow,
    ProjectRow,
    RevisionRow,
    SnapshotRow,
)

MEMBERS_KEY_SECONDS = 3600.0
"""How long a key may last that a member makes of an endpoint which is not theirs."""

Owned = JobRow | GridRow | EndpointRow

_ID = re.compile(r"[a-z][a-z2-7]{10}")
_hub_token = HTTPBearer(auto_error=False, description="A token of the hub.")


async def _caller(
    request: Request, parts: PartsOf, _token: Annotated[object, Depends(_hub_token)]
) -> Person:
    return await parts.people.person(await parts.login.user(request))


Caller = Annotated[Person, Depends(_caller)]
"""The person who is asking."""


async def _hub_alone(
    request: Request, parts: PartsOf, _token: Annotated[object, Depends(_hub_token)]
) -> None:
    if not await parts.login.is_hub(request):
        raise Forbidden("This is for the hub itself, which starts people's servers.")


async def _hub_or_person(request: Request, parts: PartsOf) -> None:
    if not await parts.login.is_hub(request):
        await parts.people.person(await parts.login.user(request))


FromHub = Depends(_hub_alone)
"""Lets nobody but the hub itself in."""

FromAnybody = Depends(_hub_or_person)
"""Lets people in, and the hub itself."""

Id = Annotated[str, Path(max_length=100)]
ProjectName = Annotated[str, Query(min_length=1, max_length=255)]


def project_of(caller: Person, name: str) -> Project:
    """The caller's project of that name."""
    for project in caller.projects:
        if project.name == name:
            return project
    raise NotFound(f"You are in no project '{name[:100]}'.", field="project")


def seen_projects(caller: Person, name: str | None) -> Collection[str]:
    """The ids of the caller's projects, or of the one that is named."""
    if name is not None:
        return [project_of(caller, name).id]
    return [project.id for project in caller.projects]


def person_row(session: Session, caller: Person) -> PersonRow:
    """The caller's row, as the owner of what they make."""
    row = session.get(PersonRow, caller.id)
    assert row is not None, "a caller is recorded before they get here"
    return row


def _may_see(caller: Person, project_id: str) -> Project | None:
    return next((project for project in caller.projects if project.id == project_id), None)


def _may_change(caller: Person, row: Owned) -> bool:
    project = _may_see(caller, row.project_id)
    if row.owner_id == caller.id or project is None:
        return row.owner_id == caller.id
    return project.role == "admin" or row.owner.name == account_of(project.name)


def _check_change(caller: Person, row: Owned, what: str) -> None:
    if not _may_change(caller, row):
        raise Forbidden(f"Only its owner and the project's admins may change {what}.")


def find_snapshot(session: Session, caller: Person, snapshot_id: str) -> SnapshotRow:
    """A snapshot that the caller sees."""
    row = snapshots.find(session, snapshot_id) if _ID.fullmatch(snapshot_id) else None
    if row is None or not _may_see(caller, row.project_id):
        raise NotFound(f"There is no snapshot '{snapshot_id[:100]}'.", field="snapshot")
    return row


def find_job(session: Session, caller: Person, job_id: str) -> JobRow:
    """A job that the caller sees, and that is not deleted."""
    row = find_any_job(session, caller, job_id)
    if row.deleted is not None:
        raise NotFound(f"Job {row.id} is deleted: `labdock undelete {row.id}`.", field="job")
    return row


def find_any_job(session: Session, caller: Person, job_id: str) -> JobRow:
    """A job that the caller sees, also one that is deleted and can be restored."""
    row = jobs.find(session, job_id) if _ID.fullmatch(job_id) else None
    if row is None or row.files not in jobs.RESTORABLE or not _may_see(caller, row.project_id):
        raise NotFound(f"There is no job '{job_id[:100]}'.", field="job")
    return row


def find_grid(session: Session, caller: Person, grid_id: str) -> GridRow:
    """A grid that the caller sees."""
    row = grids.find(session, grid_id) if _ID.fullmatch(grid_id) else None
    if row is None or not _may_see(caller, row.project_id):
        raise NotFound(f"There is no grid '{grid_id[:100]}'.", field="grid")
    return row


def find_model(session: Session, caller: Person, model_id: str) -> ModelRow:
    """A model version that the caller sees."""
    row = models.find(session, model_id) if _ID.fullmatch(model_id) else None
    if row is None or not _may_see(caller, row.project_id):
        raise NotFound(f"There is no model version '{model_id[:100]}'.", field="model")
    return row


def find_endpoint(session: Session, caller: Person, project: str, name: str) -> EndpointRow:
    """An endpoint that the caller sees."""
    row = endpoints.find_named(session, project_of(caller, project).id, name)
    if row is None:
        raise NotFound(f"Project {project} has no endpoint '{name[:100]}'.")
    return row


def _seen_snapshot(id: Id, caller: Caller, session: Reading) -> SnapshotRow:
    return find_snapshot(session, caller, id)


def _seen_job(id: Id, caller: Caller, session: Reading) -> JobRow:
    return find_job(session, caller, id)


def _changed_job(id: Id, caller: Caller, session: Writing) -> JobRow:
    return _changed(caller, find_job(session, caller, id))


def _deleted_job(id: Id, caller: Caller, session: Writing) -> JobRow:
    return _changed(caller, find_any_job(session, caller, id))


def _changed(caller: Person, row: JobRow) -> JobRow:
    _check_change(caller, row, f"job {row.id}")
    return row


def _seen_grid(id: Id, caller: Caller, session: Reading) -> GridRow:
    return find_grid(session, caller, id)


def _changed_grid(id: Id, caller: Caller, session: Writing) -> GridRow:
    row = find_grid(session, caller, id)
    _check_change(caller, row, f"grid {row.id}")
    return row


def _seen_model(id: Id, caller: Caller, session: Reading) -> ModelRow:
    return find_model(session, caller, id)


def _seen_endpoint(project: Id, name: Id, caller: Caller, session: Reading) -> EndpointRow:
    return find_endpoint(session, caller, project, name)


def _changed_endpoint(project: Id, name: Id, caller: Caller, session: Writing) -> EndpointRow:
    row = find_endpoint(session, caller, project, name)
    _check_change(caller, row, f"endpoint {row.name}")
    return row


def find_revision(session: Session, caller: Person, revision_id: str) -> RevisionRow:
    """A revision that the caller sees."""
    row = endpoints.find_revision(session, revision_id) if _ID.fullmatch(revision_id) else None
    if row is None or not _may_see(caller, row.endpoint.project_id):
        raise NotFound(f"There is no revision '{revision_id[:100]}'.", field="revision")
    return row


def _seen_revision(id: Id, caller: Caller, session: Reading) -> RevisionRow:
    return find_revision(session, caller, id)


SeenSnapshot = Annotated[SnapshotRow, Depends(_seen_snapshot)]
SeenJob = Annotated[JobRow, Depends(_seen_job)]
ChangedJob = Annotated[JobRow, Depends(_changed_job)]
DeletedJob = Annotated[JobRow, Depends(_deleted_job)]
SeenGrid = Annotated[GridRow, Depends(_seen_grid)]
ChangedGrid = Annotated[GridRow, Depends(_changed_grid)]
SeenModel = Annotated[ModelRow, Depends(_seen_model)]
SeenEndpoint = Annotated[EndpointRow, Depends(_seen_endpoint)]
ChangedEndpoint = Annotated[EndpointRow, Depends(_changed_endpoint)]
SeenRevision = Annotated[RevisionRow, Depends(_seen_revision)]


def deployed_endpoint(
    session: Session, caller: Person, project: str, name: str
) -> EndpointRow | None:
    """The endpoint that the caller may deploy to; None where a deploy will make it."""
    found = project_of(caller, project)
    row = endpoints.find_named(session, found.id, name)
    if row is not None:
        _check_change(caller, row, f"endpoint {row.name}")
    return row


def keyed_endpoint(
    session: Session, caller: Person, project: str, name: str, lasts: float | None
) -> EndpointRow:
    """The endpoint that the caller may make a key of which lasts so long."""
    row = find_endpoint(session, caller, project, name)
    short = lasts is not None and lasts <= MEMBERS_KEY_SECONDS
    if not short and not _may_open_for_good(caller, row):
        raise Forbidden(
            f"Only its owner and the project's admins may make a key of endpoint {row.name} that "
            "lasts: ask them, or make one that expires within an hour."
        )
    return row


def _may_open_for_good(caller: Person, row: EndpointRow) -> bool:
    """Of a project's own endpoint none but an admin: members come and go, and such a key stays."""
    project = _may_see(caller, row.project_id)
    theirs = row.owner_id == caller.id and not is_account(caller.name)
    return theirs or (project is not None and project.role == "admin")


def project_row_of(session: Session, caller: Person, name: str) -> ProjectRow:
    """The row of the caller's project of that name."""
    row = session.get(ProjectRow, project_of(caller, name).id)
    assert row is not None, "a caller's projects are recorded before they get here"
    return row


def administered_project(session: Session, caller: Person, name: str) -> ProjectRow:
    """The row of the caller's project of that name, whose secrets they may change."""
    if project_of(caller, name).role != "admin":
        raise Forbidden(f"Only its admins may change the secrets of project {name}: ask one.")
    return project_row_of(session, caller, name)
