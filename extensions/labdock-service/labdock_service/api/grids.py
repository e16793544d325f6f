"""Grids: a job for each combination of values, of one snapshot, taken together or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from labdock import points
from labdock.gridschema import Grid, GridRequest
from labdock.inputs import Parameter
from labdock_service.api.access import (
    Caller,
    ChangedGrid,
    ProjectName,
    SeenGrid,
    seen_projects,
)
from labdock_service.api.admission import admit, job_parameters, refuse
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.store import grids, jobs

router = APIRouter(tags=["grids"], route_class=StrictRoute)


def _known(body: GridRequest, caller: Caller, parts: PartsOf) -> list[Parameter] | None:
    return job_parameters(parts, caller, body.job)


@router.post("/grids", status_code=201, responses=describe(404, 409))
def create_grid(
    body: GridRequest,
    known: Annotated[list[Parameter] | None, Depends(_known)],
    caller: Caller,
    parts: PartsOf,
    session: Writing,
) -> Grid:
    """Run a snapshot as a job for each combination of values."""
    job = body.job
    admitted = admit(parts, session, caller, job, known)
    snapshot = admitted.snapshot
    given = (snapshot.entry, known, job.parameters, job.arguments)
    refuse(points.find_grid_problem(*given, body.grid), within="job.")
    name = job.name or jobs.default_name(snapshot)
    wanted = [
        replace(job, name=points.name(name, point), parameters=job.parameters | point)
        for point in points.points(body.grid)
    ]
    row = grids.create(session, snapshot, admitted.owner, name, body.grid, wanted)
    session.refresh(row, ["project", "owner", "snapshot"])
    return grids.view(session, row)


@router.get("/grids", responses=describe(404))
def list_grids(
    caller: Caller,
    session: Reading,
    project: ProjectName | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> list[Grid]:
    """The grids of your projects without their jobs, newest first; `before` is the last id seen."""
    return grids.listed(session, seen_projects(caller, project), limit=limit, before=before)


@router.get("/grids/{id}", responses=describe(404))
def get_grid(grid: SeenGrid, session: Reading) -> Grid:
    """One grid with its jobs as they are now."""
    return grids.view(session, grid)


@router.post("/grids/{id}/stop", responses=describe(404))
def stop_grid(grid: ChangedGrid, caller: Caller, session: Writing) -> Grid:
    """Want all jobs of the grid stopped; those that have ended stay as they are."""
    grids.request_stop(session, grid, caller.name)
    return grids.view(session, grid)
