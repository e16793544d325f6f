"""Jobs: asked for, stopped and retried by the API; read by everybody."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from pathlib import PurePosixPath

import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from labdock import points
from labdock.schema import (
    ENDED,
    Attempt,
    Failure,
    Job,
    JobRequest,
    JobState,
    Progress,
    Resources,
    Worker,
)
from labdock_service.errors import Conflict
from labdock_service.ids import new_id
from labdock_service.store import events
from labdock_service.store.tables import (
    AttemptRow,
    GridRow,
    JobRow,
    ModelRow,
    PersonRow,
    SnapshotRow,
    WorkerRow,
)

RESTORABLE = ("shown", "hidden")
"""Of files of a deleted job that can be restored."""

MOST_RUN_BYTES = 100
"""How long each part of a run's name may be: a folder's name has 255 bytes at most."""


def create(
    session: Session,
    snapshot: SnapshotRow,
    owner: PersonRow,
    request: JobRequest,
    grid: GridRow | None = None,
) -> JobRow:
    """A new job of the snapshot's project, on its own or as a point of a grid."""
    now = time.time()
    job_id = new_id("j")
    name = request.name or default_name(snapshot)
    row = JobRow(
        id=job_id,
        project_id=snapshot.project_id,
        owner_id=owner.id,
        snapshot_id=snapshot.id,
        grid_id=grid and grid.id,
        run=_run_name(job_id, name, request, grid),
        name=name,
        workers=request.workers,
        cpus=request.resources.cpus,
        memory=request.resources.memory,
        gpus=request.resources.gpus,
        parameters=request.parameters,
        arguments=request.arguments,
        time_limit=request.time_limit,
        max_attempts=request.max_attempts,
        backup_every=request.backup_every,
        disable=request.disable,
        secrets=list(dict.fromkeys(request.secrets)),
        notify=request.notify,
        created=now,
        target="succeeded",
        retries=0,
        retries_seen=0,
        state="packaging",
        message="Waits for its image.",
        queued=now,
        attempt=0,
        counted=0,
        retried_after=0,
        progress={},
        warnings=[],
        files="shown",
    )
    session.add(row)
    session.flush()
    _event(session, row, owner.name, "job.submitted")
    return row


def default_name(snapshot: SnapshotRow) -> str:
    """What a job is called that was given no name: as its notebook or script."""
    return PurePosixPath(snapshot.entry).stem[:200]


def _run_name(job_id: str, name: str, request: JobRequest, grid: GridRow | None) -> str:
    """What TensorBoard calls the job: a grid's jobs are together in a folder of its own."""
    if grid is None:
        return f"{_readable(name)}-{job_id}"
    point = points.text({one: request.parameters.get(one) for one in grid.values})
    return f"{_readable(grid.name)}-{grid.id}/{_readable(point)}-{job_id}"


def _readable(name: str) -> str:
    """As much of a name as a folder can be called, on any file system."""
    plain = re.sub(r"[^\w.=,+-]+", "-", name).encode()[:MOST_RUN_BYTES]
    return plain.decode(errors="ignore").strip("-.") or "job"


def find(session: Session, job_id: str) -> JobRow | None:
    """A job by id."""
    return session.get(JobRow, job_id)


def listed(
    session: Session,
    projects: Collection[str],
    *,
    state: JobState | None = None,
    owner: str | None = None,
    limit: int = 50,
    before: str | None = None,
    deleted: bool = False,
) -> list[Job]:
    """Jobs of these project ids, newest first; `before` is the last id seen.

    With `deleted`, those that can be restored instead of those that are there.
    """
    query = select(JobRow).join(JobRow.owner).where(JobRow.project_id.in_(projects))
    if deleted:
        query = query.where(JobRow.deleted.is_not(None), JobRow.files.in_(RESTORABLE))
    else:
        query = query.where(JobRow.deleted.is_(None))
    if state is not None:
        query = query.where(JobRow.state == state)
    if owner is not None:
        query = query.where(PersonRow.name == owner)
    last = find(session, before) if before else None
    if last is not None:
        query = query.where(tuple_(JobRow.created, JobRow.id) < (last.created, last.id))
    query = query.order_by(JobRow.created.desc(), JobRow.id.desc()).limit(limit)
    return views(session, list(session.scalars(query)))


def with_ids(session: Session, ids: Collection[str]) -> list[Job]:
    """The jobs of these ids, newest first."""
    query = select(JobRow).where(JobRow.id.in_(ids))
    rows = session.scalars(query.order_by(JobRow.created.desc(), JobRow.id.desc()))
    return views(session, list(rows))


def request_stop(session: Session, job: JobRow, actor: str) -> None:
    """Want the job stopped; a job that has ended stays as it is."""
    if job.state not in ENDED and job.target != "stopped":
        job.target = "stopped"
        _event(session, job, actor, "job.stop_requested")


def request_retry(session: Session, job: JobRow, actor: str) -> None:
    """Want a job that has failed or was stopped to run again, with its checkpoints."""
    if job.state not in ENDED:
        raise Conflict(f"Job {job.id} is {job.state}: only one that has ended can be retried.")
    if job.state == "succeeded":
        raise Conflict(f"Job {job.id} succeeded: submit it again to run it once more.")
    if job.retries == job.retries_seen:
        job.retries += 1
        job.target = "succeeded"
        _event(session, job, actor, "job.retry_requested")


def delete(session: Session, job: JobRow, actor: str) -> None:
    """Take a job that has ended out of sight; its files follow later, its models stay."""
    if job.state not in ENDED or job.retries != job.retries_seen:
        raise Conflict(f"Job {job.id} is {job.state}: stop it first, then delete it.")
    if job.deleted is None:
        job.deleted = time.time()
        _event(session, job, actor, "job.deleted")


def restore(session: Session, job: JobRow, actor: str) -> None:
    """Have a deleted job back, whole."""
    if job.deleted is not None:
        job.deleted = None
        _event(session, job, actor, "job.restored")


def attempts(session: Session, job_ids: Collection[str]) -> list[AttemptRow]:
    """The attempts of these jobs, a job's oldest first."""
    query = select(AttemptRow).where(AttemptRow.job_id.in_(job_ids))
    return list(session.scalars(query.order_by(AttemptRow.number)))


def workers(session: Session, job_ids: Collection[str]) -> list[WorkerRow]:
    """The workers of all attempts of these jobs, a job's in order of attempt and rank."""
    query = select(WorkerRow).where(WorkerRow.job_id.in_(job_ids))
    return list(session.scalars(query.order_by(WorkerRow.attempt, WorkerRow.rank)))


def view(session: Session, row: JobRow) -> Job:
    """The job's wire form."""
    return views(session, [row])[0]


def views(session: Session, rows: list[JobRow]) -> list[Job]:
    """The jobs' wire forms; what belongs to them is read for all of them at once."""
    ids = [row.id for row in rows]
    saved = select(ModelRow.job_id, ModelRow.id).where(ModelRow.job_id.in_(ids))
    models: dict[str, list[str]] = {}
    for job_id, model_id in session.execute(saved.order_by(ModelRow.created)):
        models.setdefault(job_id, []).append(model_id)
    gangs: dict[tuple[str | None, int], list[Worker]] = {}
    for worker in workers(session, ids):
        gangs.setdefault((worker.job_id, worker.attempt), []).append(worker_view(worker))
    tried: dict[str, list[Attempt]] = {}
    for attempt in attempts(session, ids):
        gang = gangs.get((attempt.job_id, attempt.number), [])
        tried.setdefault(attempt.job_id, []).append(_attempt_view(attempt, gang))
    return [_view(row, tried.get(row.id, []), models.get(row.id, [])) for row in rows]


def _view(row: JobRow, attempts: list[Attempt], models: list[str]) -> Job:
    return Job(
        id=row.id,
        project=row.project.name,
        owner=row.owner.name,
        name=row.name,
        snapshot=row.snapshot_id,
        entry=row.snapshot.entry,
        image=row.snapshot.image,
        state=row.state,  # type: ignore[arg-type]
        target=row.target,  # type: ignore[arg-type]
        workers=row.workers,
        resources=Resources(cpus=row.cpus, memory=row.memory, gpus=row.gpus),
        parameters=row.parameters,
        arguments=row.arguments,
        time_limit=row.time_limit,
        max_attempts=row.max_attempts,
        backup_every=row.backup_every,
        disable=row.disable,
        deleted=row.deleted,
        created=row.created,
        started=row.started,
        ended=row.ended,
        progress=msgspec.convert(row.progress, Progress),
        message=row.message,
        warnings=row.warnings,
        failure=msgspec.convert(row.failure, Failure | None),
        attempts=attempts,
        models=models,
        grid=row.grid_id,
        tensorboard=f"/services/tensorboard/{row.project.name}/",
        secrets=row.secrets,
    )


def _attempt_view(row: AttemptRow, gang: list[Worker]) -> Attempt:
    return Attempt(
        number=row.number,
        workers=gang,
        started=row.started,
        ended=row.ended,
        reason=row.reason,
    )


def worker_view(row: WorkerRow) -> Worker:
    """The worker's wire form."""
    return Worker(
        rank=row.rank,
        state=row.state,  # type: ignore[arg-type]
        node=row.node,
        exit_code=row.exit_code,
        reason=row.reason,
    )


def _event(session: Session, job: JobRow, actor: str, kind: str) -> None:
    events.add(session, job.project_id, actor, kind, job=job.id, data={"name": job.name})
