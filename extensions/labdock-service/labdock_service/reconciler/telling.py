"""What people are told when a job, or a grid as a whole, has ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from labdock import wording
from labdock.schema import ENDED
from labdock_service.store import grids, jobs, notify
from labdock_service.store.tables import GridRow, JobRow


def tell_end(session: Session, job: JobRow, now: float) -> None:
    """Have the owner told of a job's end, in the transaction that it is written in."""
    if job.grid_id is None:
        _tell(session, job, _of_job(session, job), now, failed=job.state == "failed")
        return
    grid = session.get_one(GridRow, job.grid_id)
    points = grids.points(session, grid)
    if all(point.state in ENDED and point.retries == point.retries_seen for point in points):
        failed = any(point.state == "failed" for point in points)
        _tell(session, job, _of_grid(session, grid, failed), now, failed=failed)


def _tell(
    session: Session, job: JobRow, message: dict[str, Any], now: float, *, failed: bool
) -> None:
    for channel in notify.wanted(session, job, failed=failed):
        notify.put(session, job, channel, message | {"time": now}, now)


def _of_job(session: Session, job: JobRow) -> dict[str, Any]:
    return {
        "job": job.id,
        "name": job.name,
        "project": job.project.name,
        "state": job.state,
        "sentence": wording.ending(jobs.view(session, job)),
    }


def _of_grid(session: Session, grid: GridRow, failed: bool) -> dict[str, Any]:
    return {
        "grid": grid.id,
        "name": grid.name,
        "project": grid.project.name,
        "state": "failed" if failed else "ended",
        "sentence": wording.grid_ending(grids.view(session, grid)),
    }
