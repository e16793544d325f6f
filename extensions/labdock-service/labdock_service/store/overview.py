"""Everything that runs or waits, whoever it belongs to: what admins see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.adminschema import RunningRevision, Scan, Verification, Waiting
from labdock.schema import Job
from labdock_service.findings import Finding, Policy, judge
from labdock_service.store import active, asking, jobs, notebooks
from labdock_service.store.tables import (
    NotebookRow,
    RevisionRow,
    ScanRow,
    VerificationRow,
)


def queue(session: Session) -> list[Waiting]:
    """Who waits, in the queue's order."""
    waiting = [*map(_job, active.queue(session)), *map(_notebook, notebooks.asking(session))]
    return sorted(waiting, key=lambda one: one.since)


def _job(row: active.QueuedJob) -> Waiting:
    return Waiting(
        kind="job",
        id=row.id,
        title=asking.job_title(row),
        since=row.queued,
        workers=row.workers,
        cpus=row.cpus,
        memory=row.memory,
        gpus=row.gpus,
        message=row.message,
    )


def _notebook(row: NotebookRow) -> Waiting:
    return Waiting(
        kind="notebook",
        id=row.person.name,
        title=notebooks.title(row),
        since=row.asked,
        workers=1,
        cpus=0,
        memory=0,
        gpus=row.gpus,
        message=row.message,
    )


def running_jobs(session: Session) -> list[Job]:
    """Jobs that are not at rest, the newest first."""
    moving = [row for row in active.jobs(session) if row.state in active.IN_MOTION]
    return sorted(jobs.views(session, moving), key=lambda job: -job.created)


def running_revisions(session: Session) -> list[RunningRevision]:
    """Revisions that serve or shall soon, by endpoint."""
    return [
        _revision(row)
        for row in active.revisions(session)
        if row.state not in ("retired", "failed")
    ]


def _revision(row: RevisionRow) -> RunningRevision:
    return RunningRevision(
        id=row.id,
        number=row.number,
        project=row.endpoint.project.name,
        endpoint=row.endpoint.name,
        model=f"{row.model.name} {row.model.version}",
        state=row.state,
        message=row.message,
        since=row.changed,
        wanted=row.endpoint.deleted is None and row.endpoint.wanted == row.id,
    )


def verifications_of(session: Session, images: Iterable[str]) -> list[Verification]:
    """What `verify` found in these images, wherever it ran; the newest first."""
    query = select(VerificationRow).where(VerificationRow.image.in_(list(images)))
    return [
        Verification(
            image=row.image,
            node=row.node,
            time=row.time,
            passed=row.passed,
            failed=list(_failed(row)),
        )
        for row in session.scalars(query.order_by(VerificationRow.time.desc()))
    ]


def _failed(row: VerificationRow) -> Iterator[str]:
    for check in row.checks:
        if check["passed"] is False:
            yield f"{check['check']}: {check['said']}"


def scans_of(session: Session, images: Iterable[str], policy: Policy, now: float) -> list[Scan]:
    """What scanners found in these images, and what the policy makes of it; the newest first."""
    query = select(ScanRow).where(ScanRow.image.in_(list(images))).order_by(ScanRow.time.desc())
    today = datetime.fromtimestamp(now, UTC).date()
    return [
        Scan(
            image=row.image,
            scanner=row.scanner,
            time=row.time,
            findings=len(row.findings),
            refused=judge((Finding(**one) for one in row.findings), policy, today).sentence,
        )
        for row in session.scalars(query)
    ]
