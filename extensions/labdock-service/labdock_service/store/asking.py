"""What those who wait ask of the nodes, as the queue plans with it."""

from __future__ import annotations

from labdock_service.scheduling.ledger import Need
from labdock_service.scheduling.queue import Ask
from labdock_service.store import notebooks
from labdock_service.store.active import QueuedJob
from labdock_service.store.tables import JobRow, NotebookRow


def of_job(job: QueuedJob) -> Ask:
    """What a job in the queue asks for."""
    return Ask(
        holder=job.id,
        title=job_title(job),
        since=job.queued,
        workers=job.workers,
        need=job_need(job),
    )


def of_notebook(row: NotebookRow) -> Ask:
    """What a person's server asks for."""
    return Ask(
        holder=row.person_id,
        title=notebooks.title(row),
        since=row.asked,
        workers=1,
        need=Need(gpus=row.gpus, among=tuple(row.devices)),
    )


def job_title(job: QueuedJob | JobRow) -> str:
    """The job as people know it."""
    return f"{job.name} ({job.id})"


def job_need(job: QueuedJob | JobRow) -> Need:
    """What each of its workers gets."""
    return Need(cpus=job.cpus, memory=job.memory, gpus=job.gpus)
