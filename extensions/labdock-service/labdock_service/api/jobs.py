"""Jobs: what is wanted of them is written here; the reconciler sees to it."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from fastapi import APIRouter, Query

from labdock.schema import Job, JobRequest, JobState
from labdock_service.api.access import (
    Caller,
    ChangedJob,
    ProjectName,
    SeenJob,
    find_snapshot,
    person_row,
    seen_projects,
)
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import Parts, PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.errors import Conflict, Invalid
from labdock_service.scheduling.ledger import Need, limited
from labdock_service.scheduling.queue import never_fits
from labdock_service.store import jobs, notify, secrets

router = APIRouter(tags=["jobs"], route_class=StrictRoute)


@router.post("/jobs", status_code=201, responses=describe(404, 409))
def create_job(body: JobRequest, caller: Caller, parts: PartsOf, session: Writing) -> Job:
    """Run a snapshot as a job; one that is still packaged waits for its image."""
    snapshot = find_snapshot(session, caller, body.snapshot)
    if snapshot.state == "failed":
        raise Conflict(f"This snapshot could not be packaged: {snapshot.error}", field="snapshot")
    _check_name(body.name)
    _check_fits(body, parts)
    owner = person_row(session, caller)
    secrets.check_there(session, body.secrets, owner, snapshot.project)
    if body.notify:
        notify.check_set(session, owner)
    row = jobs.create(session, snapshot, owner, body)
    session.refresh(row, ["project", "owner", "snapshot"])
    return jobs.view(session, row)


def _check_name(name: str | None) -> None:
    if name is not None and not name.strip():
        raise Invalid("'name' must not be blank.", field="name")
    if any(unicodedata.category(character) == "Cc" for character in name or ""):
        raise Invalid("'name' must be one line, without control characters.", field="name")


def _check_fits(body: JobRequest, parts: Parts) -> None:
    """Refuse what no machine of now could run, were it empty."""
    limits, each = parts.settings.limits, body.resources
    nodes = limited(parts.engine.nodes(), cpus=limits.cpus, memory=limits.memory)
    need = Need(cpus=each.cpus, memory=each.memory, gpus=each.gpus)
    if lacking := never_fits(need, body.workers, nodes):
        raise Invalid(f"{lacking}: ask for less.", field="resources")


@router.get("/jobs", responses=describe(404))
def list_jobs(
    caller: Caller,
    session: Reading,
    project: ProjectName | None = None,
    state: JobState | None = None,
    owner: Annotated[str | None, Query(max_length=255)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> list[Job]:
    """The jobs of your projects, newest first; `before` is the last id of the page before."""
    return jobs.listed(
        session,
        seen_projects(caller, project),
        state=state,
        owner=owner,
        limit=limit,
        before=before,
    )


@router.get("/jobs/{id}", responses=describe(404))
def get_job(job: SeenJob, session: Reading) -> Job:
    """One job as it is now."""
    return jobs.view(session, job)


@router.post("/jobs/{id}/stop", responses=describe(404))
def stop_job(job: ChangedJob, caller: Caller, session: Writing) -> Job:
    """Want the job stopped; one that has ended stays as it is."""
    jobs.request_stop(session, job, caller.name)
    return jobs.view(session, job)


@router.post("/jobs/{id}/retry", responses=describe(404, 409))
def retry_job(job: ChangedJob, caller: Caller, session: Writing) -> Job:
    """Want a job that failed or was stopped to go on from its last checkpoint."""
    jobs.request_retry(session, job, caller.name)
    return jobs.view(session, job)
