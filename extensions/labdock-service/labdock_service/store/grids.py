"""Grids: groups of jobs of one snapshot that differ in the values of some parameters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from labdock.gridschema import Grid
from labdock.schema import Job, JobRequest
from labdock_service.ids import new_id
from labdock_service.store import events, jobs
from labdock_service.store.tables import GridRow, JobRow, PersonRow, SnapshotRow


def create(
    session: Session,
    snapshot: SnapshotRow,
    owner: PersonRow,
    name: str,
    values: dict[str, list[Any]],
    points: Sequence[JobRequest],
) -> GridRow:
    """A new grid, and a job for each of its points."""
    row = GridRow(
        id=new_id("x"),
        project_id=snapshot.project_id,
        owner_id=owner.id,
        snapshot_id=snapshot.id,
        name=name,
        values=values,
        created=time.time(),
    )
    session.add(row)
    session.flush()
    _event(session, row, owner.name, "grid.submitted", jobs=len(points))
    for point in points:
        jobs.create(session, snapshot, owner, point, row)
    return row


def find(session: Session, grid_id: str) -> GridRow | None:
    """A grid by id."""
    return session.get(GridRow, grid_id)


def listed(
    session: Session, projects: Collection[str], *, limit: int = 50, before: str | None = None
) -> list[Grid]:
    """Grids of these project ids without their jobs, newest first; `before` is the last id seen."""
    query = select(GridRow).where(GridRow.project_id.in_(projects))
    last = find(session, before) if before else None
    if last is not None:
        query = query.where(tuple_(GridRow.created, GridRow.id) < (last.created, last.id))
    query = query.order_by(GridRow.created.desc(), GridRow.id.desc()).limit(limit)
    rows = list(session.scalars(query))
    states = _states(session, [row.id for row in rows])
    return [_view(row, states.get(row.id, {}), []) for row in rows]


def points(session: Session, grid: GridRow) -> list[JobRow]:
    """The grid's jobs, in the order of their values, without deleted ones."""
    query = select(JobRow).where(JobRow.grid_id == grid.id, JobRow.deleted.is_(None))
    return list(session.scalars(query.order_by(JobRow.created, JobRow.id)))


def request_stop(session: Session, grid: GridRow, actor: str) -> None:
    """Want all of its jobs stopped; those that have ended stay as they are."""
    _event(session, grid, actor, "grid.stop_requested")
    for job in points(session, grid):
        jobs.request_stop(session, job, actor)


def view(session: Session, row: GridRow) -> Grid:
    """The grid's wire form, with its jobs."""
    found = points(session, row)
    return _view(row, Counter(job.state for job in found), jobs.views(session, found))


def _states(session: Session, ids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many jobs of each of these grids are in which state."""
    query = select(JobRow.grid_id, JobRow.state, func.count()).where(
        JobRow.grid_id.in_(ids), JobRow.deleted.is_(None)
    )
    found: dict[str, dict[str, int]] = {}
    for grid, state, number in session.execute(query.group_by(JobRow.grid_id, JobRow.state)):
        found.setdefault(str(grid), {})[state] = number
    return found


def _view(row: GridRow, states: Mapping[str, int], found: list[Job]) -> Grid:
    return Grid(
        id=row.id,
        project=row.project.name,
        owner=row.owner.name,
        name=row.name,
        snapshot=row.snapshot_id,
        entry=row.snapshot.entry,
        values=row.values,
        created=row.created,
        states=dict(states),
        jobs=found,
        tensorboard=f"/services/tensorboard/{row.project.name}/?runFilter={row.id}",
    )


def _event(session: Session, grid: GridRow, actor: str, kind: str, **more: Any) -> None:
    data = {"grid": grid.id, "name": grid.name, **more}
    events.add(session, grid.project_id, actor, kind, data=data)
