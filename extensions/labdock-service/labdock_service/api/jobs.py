"""Jobs: what is wanted of them is written here; the reconciler sees to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from labdock.inputs import Parameter
from labdock.parameters import find_problem
from labdock.schema import Job, JobRequest, JobState, MetricHistory
from labdock_service.api.access import (
    Caller,
    ChangedJob,
    DeletedJob,
    ProjectName,
    SeenJob,
    seen_projects,
)
from labdock_service.api.admission import admit, job_parameters, refuse
from labdock_service.api.bodies import LARGEST_INTEGER, StrictRoute
from labdock_service.api.parts import PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.store import jobs, metrics

router = APIRouter(tags=["jobs"], route_class=StrictRoute)


def _known(body: JobRequest, caller: Caller, parts: PartsOf) -> list[Parameter] | None:
    return job_parameters(parts, caller, body)


@router.post("/jobs", status_code=201, responses=describe(404, 409))
def create_job(
    body: JobRequest,
    known: Annotated[list[Parameter] | None, Depends(_known)],
    caller: Caller,
    parts: PartsOf,
    session: Writing,
) -> Job:
    """Run a snapshot as a job; one that is still packaged waits for its image."""
    admitted = admit(parts, session, caller, body, known)
    snapshot = admitted.snapshot
    refuse(find_problem(snapshot.entry, known, body.parameters, body.arguments))
    row = jobs.create(session, snapshot, admitted.owner, body)
    session.refresh(row, ["project", "owner", "snapshot"])
    return jobs.view(session, row)


@router.get("/jobs", responses=describe(404))
def list_jobs(
    caller: Caller,
    session: Reading,
    project: ProjectName | None = None,
    state: JobState | None = None,
    owner: Annotated[str | None, Query(max_length=255)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
    deleted: bool = False,
) -> list[Job]:
    """The jobs of your projects, newest first; `before` is the last id of the page before.

    With `deleted`, those that were deleted and can be restored.
    """
    return jobs.listed(
        session,
        seen_projects(caller, project),
        state=state,
        owner=owner,
        limit=limit,
        before=before,
        deleted=deleted,
    )


@router.get("/jobs/{id}", responses=describe(404))
def get_job(job: SeenJob, session: Reading) -> Job:
    """One job as it is now."""
    return jobs.view(session, job)


@router.get("/jobs/{id}/metrics", responses=describe(404))
def get_metrics(
    job: SeenJob,
    session: Reading,
    after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
    most: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> MetricHistory:
    """What the job told of its metrics, as points of curves: at most so many, evenly spread.

    `after` is the `at` of the answer before: then only what came later.
    """
    return metrics.history(session, job.id, after, most)


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


@router.delete("/jobs/{id}", responses=describe(404, 409))
def delete_job(job: DeletedJob, caller: Caller, session: Writing) -> Job:
    """Delete a job that has ended. It can be restored for seven days; its models stay."""
    jobs.delete(session, job, caller.name)
    return jobs.view(session, job)


@router.post("/jobs/{id}/restore", responses=describe(404))
def restore_job(job: DeletedJob, caller: Caller, session: Writing) -> Job:
    """Have a deleted job back, with its logs, files and curves."""
    jobs.restore(session, job, caller.name)
    return jobs.view(session, job)
