"""Secrets: a value goes in here, and comes out of no route."""

from __future__ import annotations

from fastapi import APIRouter

from labdock.personal import Secret, SecretValue
from labdock_service.api.access import (
    Caller,
    Id,
    ProjectName,
    administered_project,
    person_row,
    seen_projects,
)
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.errors import NotFound
from labdock_service.store import secrets

router = APIRouter(tags=["secrets"], route_class=StrictRoute)

_PATH = "/secrets/{project}/{name}"


@router.get("/secrets", responses=describe(404))
def list_secrets(
    caller: Caller, session: Reading, project: ProjectName | None = None
) -> list[Secret]:
    """The secrets of your projects by name; yours alone are those of your own project."""
    return secrets.listed(session, seen_projects(caller, project))


@router.put(_PATH, responses=describe(404, 409, 413))
def set_secret(
    project: Id,
    name: Id,
    body: SecretValue,
    caller: Caller,
    parts: PartsOf,
    session: Writing,
) -> Secret:
    """Set a secret of your own project, or of one that you administer."""
    row = administered_project(session, caller, project)
    return secrets.put(session, parts.seal, row, name, body.value, person_row(session, caller))


@router.delete(_PATH, status_code=204, responses=describe(404))
def delete_secret(project: Id, name: Id, caller: Caller, session: Writing) -> None:
    """Forget a secret. A job that is to get it fails when it starts."""
    found = administered_project(session, caller, project)
    row = secrets.find(session, found.id, name)
    if row is None:
        raise NotFound(f"Project {found.name} has no secret '{name[:100]}'.")
    secrets.delete(session, row, caller.name)
