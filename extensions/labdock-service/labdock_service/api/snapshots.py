"""Snapshots: asked for here, packaged by the reconciler."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool

import labdock_runtime
from labdock.inputs import Parameter
from labdock.schema import Person, Snapshot, SnapshotRequest, Source
from labdock_service import waiting
from labdock_service.api.access import Caller, Id, find_snapshot, person_row, project_of
from labdock_service.api.admission import entry_parameters
from labdock_service.api.availability import check_available, environments_here
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import Parts, PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.errors import Conflict, NotFound
from labdock_service.packaging.environments import choose_environment
from labdock_service.packaging.sourcecode import runtime_version
from labdock_service.store import snapshots, sources

router = APIRouter(tags=["snapshots"], route_class=StrictRoute)

RUNTIME = runtime_version(Path(labdock_runtime.__file__).parent)
LONGEST_WAIT = 60
LOOK_ANYWAY = 5.0


def _parameters(body: SnapshotRequest, caller: Caller, parts: PartsOf) -> list[Parameter] | None:
    return entry_parameters(parts, project_of(caller, body.project).id, body.source)


@router.post("/snapshots", status_code=201, responses=describe(404, 409))
def create_snapshot(
    body: SnapshotRequest,
    parameters: Annotated[list[Parameter] | None, Depends(_parameters)],
    caller: Caller,
    parts: PartsOf,
    session: Writing,
) -> Snapshot:
    """Ask for a snapshot of a source that was sent; its packaging begins at once."""
    project = project_of(caller, body.project)
    source = sources.find(session, project.id, body.source)
    if source is None:
        raise NotFound("This project has no such source: send it first.", field="source")
    wanted = [file.digest for file in source.files if file.digest is not None]
    if sources.missing_blobs(session, project.id, wanted):
        raise Conflict("Contents of this source are missing: send them first.", field="source")
    setting = parts.settings.default_environment
    environment = choose_environment(environments_here(parts), setting, body.environment)
    check_available(parts, session, environment)
    row = snapshots.request(
        session,
        project.id,
        person_row(session, caller),
        source,
        environment=environment.digest,
        foundation=environment.foundation,
        runtime=RUNTIME,
        parameters=parameters,
        renew_lock=body.renew_lock,
    )
    session.refresh(row, ["project"])
    return snapshots.view(row)


@router.get("/snapshots/{id}", responses=describe(404))
async def get_snapshot(
    id: Id,
    caller: Caller,
    parts: PartsOf,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> Snapshot:
    """A snapshot; with `wait`, the answer comes when its packaging ends, or after these seconds."""
    until = asyncio.get_running_loop().time() + wait
    with parts.wakeups.listening() as woken:
        while True:
            woken.clear()
            found = await run_in_threadpool(_look, parts, caller, id)
            left = until - asyncio.get_running_loop().time()
            if found.state != "packaging" or left <= 0 or parts.wakeups.closed:
                return found
            await waiting.wait(woken, min(left, LOOK_ANYWAY))


@router.get("/snapshots/{id}/source", responses=describe(404))
def get_source(id: Id, caller: Caller, session: Reading) -> Source:
    """The files that a snapshot was made of, by digest, and what they required."""
    snapshot = find_snapshot(session, caller, id)
    source = sources.find(session, snapshot.project_id, snapshot.source)
    if source is None:
        raise NotFound("The source of this snapshot is no longer kept.", field="snapshot")
    return source


def _look(parts: Parts, caller: Person, snapshot_id: str) -> Snapshot:
    with parts.store.read() as session:
        return snapshots.view(find_snapshot(session, caller, snapshot_id))
