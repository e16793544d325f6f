"""Endpoints and their keys; the way back from a revision."""

from __future__ import annotations

import re

from fastapi import APIRouter
from sqlalchemy.orm import Session

from labdock.schema import ENDED, GitCommit, Person
from labdock.servingschema import DeployRequest, Endpoint, Key, KeyRequest, Trace
from labdock_service.api.access import (
    Caller,
    ChangedEndpoint,
    Id,
    ProjectName,
    SeenEndpoint,
    SeenRevision,
    deployed_endpoint,
    find_job,
    find_model,
    keyed_endpoint,
    person_row,
    project_row_of,
    seen_projects,
)
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import Parts, PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.errors import Conflict, Invalid, NotFound
from labdock_service.serving.tables import RouteKey, write_keys
from labdock_service.store import endpoints, jobs, keys, models, snapshots
from labdock_service.store.tables import ModelRow

router = APIRouter(tags=["endpoints"], route_class=StrictRoute)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH = "/endpoints/{project}/{name}"


@router.get("/endpoints", responses=describe(404))
def list_endpoints(
    caller: Caller, session: Reading, project: ProjectName | None = None
) -> list[Endpoint]:
    """The endpoints of your projects, by name."""
    return endpoints.listed(session, seen_projects(caller, project))


@router.get(_PATH, responses=describe(404))
def get_endpoint(endpoint: SeenEndpoint) -> Endpoint:
    """One endpoint, with its revisions."""
    return endpoints.view(endpoint)


@router.post(f"{_PATH}/deploy", status_code=202, responses=describe(404, 409))
def deploy(
    project: Id, name: Id, body: DeployRequest, caller: Caller, session: Writing
) -> Endpoint:
    """Put a model version behind an endpoint; it takes over once it answered a warm-up."""
    if not _NAME.fullmatch(name):
        raise Invalid("An endpoint's name has lower-case letters, digits and dashes.", field="name")
    endpoint = deployed_endpoint(session, caller, project, name)
    model = _find_model(session, caller, body.model)
    if model.project_id != project_row_of(session, caller, project).id:
        raise Conflict(
            f"Model {model.id} is of another project: deploy it to one of its own.", field="model"
        )
    if not body.anyway:
        _refuse_marked(model)
    if endpoint is None:
        owner = person_row(session, caller)
        endpoint = endpoints.ensure(session, project_row_of(session, caller, project), name, owner)
    endpoints.deploy(session, endpoint, model, body.resources, caller.name, anyway=body.anyway)
    session.refresh(endpoint)
    return endpoints.view(endpoint)


@router.post(f"{_PATH}/undo", responses=describe(404, 409))
def undo(endpoint: ChangedEndpoint, caller: Caller, session: Writing) -> Endpoint:
    """Go back to the revision before."""
    endpoints.undo(session, endpoint, caller.name)
    return endpoints.view(endpoint)


@router.delete(_PATH, status_code=204, responses=describe(404))
def delete_endpoint(
    endpoint: ChangedEndpoint, caller: Caller, parts: PartsOf, session: Writing
) -> None:
    """Take the endpoint away, with its revisions and keys."""
    endpoints.delete(session, endpoint, caller.name)
    _write_keys(parts, session)


@router.post(f"{_PATH}/keys", status_code=201, responses=describe(404))
def create_key(
    project: Id, name: Id, body: KeyRequest, caller: Caller, parts: PartsOf, session: Writing
) -> Key:
    """Make a key; this answer alone has its secret. Members make those for an hour at most."""
    endpoint = keyed_endpoint(session, caller, project, name, body.expires_in)
    key = keys.create(session, endpoint, person_row(session, caller), body)
    _write_keys(parts, session)
    return key


@router.get(f"{_PATH}/keys", responses=describe(404))
def list_keys(endpoint: SeenEndpoint, session: Reading) -> list[Key]:
    """The endpoint's keys, without their secrets."""
    return keys.listed(session, endpoint)


@router.delete(f"{_PATH}/keys/{{id}}", status_code=204, responses=describe(404))
def revoke_key(
    id: Id, endpoint: ChangedEndpoint, caller: Caller, parts: PartsOf, session: Writing
) -> None:
    """End a key. It opens nothing from this answer on."""
    key = keys.find(session, endpoint, id)
    if key is None:
        raise NotFound(f"Endpoint {endpoint.name} has no key '{id[:100]}'.")
    keys.revoke(session, endpoint, key, caller.name)
    _write_keys(parts, session)


@router.get("/revisions/{id}/trace", responses=describe(404))
def trace(revision: SeenRevision, session: Reading) -> Trace:
    """The way back: revision, model version, job, snapshot, notebook."""
    job = revision.model.job
    return Trace(
        revision=endpoints.revision_view(revision),
        endpoint=endpoints.view(revision.endpoint),
        model=models.view(revision.model),
        job=jobs.view(session, job),
        snapshot=snapshots.view(job.snapshot),
        entry=job.snapshot.entry,
        git=GitCommit(**job.snapshot.git) if job.snapshot.git else None,
    )


def _find_model(session: Session, caller: Person, named: str) -> ModelRow:
    """A model version by its id, or the last that the job of this id saved."""
    if not named.startswith("j"):
        return find_model(session, caller, named)
    job = find_job(session, caller, named)
    saved = models.of_job(session, job.id)
    if saved:
        return saved[-1]
    if job.state in ENDED:
        raise Conflict(f"Job {named} has ended and saved no model: deploy another.", field="model")
    raise Conflict(f"Job {named} has saved no model yet: wait for its end.", field="model")


def _refuse_marked(model: ModelRow) -> None:
    """Keep a version that answers otherwise than the model that was trained from serving."""
    check = models.check(model)
    if check.state == "different":
        raise Conflict(
            f"Version {model.version} of model {model.name} is not what was trained. "
            f"{check.reason} Save it again, or deploy it anyway (`--anyway`, `anyway=True`).",
            field="anyway",
        )


def _write_keys(parts: Parts, session: Session) -> None:
    """Tell the router, before the transaction ends: only one request is here at a time."""
    session.flush()
    live = keys.live(session)
    write_keys(
        parts.state.run,
        [RouteKey(endpoint=key.endpoint, sha256=key.sha256, expires=key.expires) for key in live],
    )


def write_live_keys(parts: Parts) -> None:
    """Tell the router of all keys, when the service starts."""
    with parts.store.read() as session:
        _write_keys(parts, session)
