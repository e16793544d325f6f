"""Model versions, numbered within a project and name."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labdock.servingschema import UNCHECKED, ModelCheck, ModelVersion, Sample, Signature
from labdock_service.store import events
from labdock_service.store.tables import JobRow, ModelRow


def create(
    session: Session,
    model_id: str,
    job: JobRow,
    *,
    name: str,
    digest: str,
    size: int,
    signature: dict[str, Any],
    metrics: dict[str, Any],
    check: ModelCheck = UNCHECKED,
    sample: Sample | None = None,
) -> ModelRow:
    """The next version of that name in the job's project."""
    last = session.scalar(
        select(func.max(ModelRow.version)).where(
            ModelRow.project_id == job.project_id, ModelRow.name == name
        )
    )
    row = ModelRow(
        id=model_id,
        project_id=job.project_id,
        job_id=job.id,
        name=name,
        version=(last or 0) + 1,
        digest=digest,
        size=size,
        created=time.time(),
        signature=signature,
        metrics=metrics,
        checked=msgspec.to_builtins(check),
        sample=msgspec.to_builtins(sample),
    )
    session.add(row)
    session.flush()
    data = {"model": row.id, "name": name, "version": row.version, "check": check.state}
    events.add(session, job.project_id, "reconciler", "model.saved", job=job.id, data=data)
    return row


def find(session: Session, model_id: str) -> ModelRow | None:
    """A model version by id."""
    return session.get(ModelRow, model_id)


def of_job(session: Session, job_id: str) -> list[ModelRow]:
    """What a job saved, in the order it was saved: the last is what a deploy of the job takes."""
    query = select(ModelRow).where(ModelRow.job_id == job_id)
    return list(session.scalars(query.order_by(ModelRow.created, ModelRow.version)))


def listed(session: Session, projects: Collection[str]) -> list[ModelVersion]:
    """Model versions of these project ids, by name, newest version first."""
    query = select(ModelRow).where(ModelRow.project_id.in_(projects))
    query = query.order_by(ModelRow.name, ModelRow.version.desc())
    return [view(row) for row in session.scalars(query)]


def check(row: ModelRow) -> ModelCheck:
    """How its answers compared with those of the model in memory."""
    return msgspec.convert(row.checked, ModelCheck) if row.checked else UNCHECKED


def sample(row: ModelRow) -> Sample | None:
    """An input that it takes, where one was kept."""
    return msgspec.convert(row.sample, Sample | None)


def _signature(row: ModelRow) -> Signature:
    """What its job wrote of it, which may be anything."""
    try:
        return msgspec.convert(row.signature, Signature)
    except msgspec.ValidationError:
        return Signature()


def view(row: ModelRow) -> ModelVersion:
    """The model version's wire form, without its sample."""
    return ModelVersion(
        id=row.id,
        project=row.project.name,
        name=row.name,
        version=row.version,
        job=row.job_id,
        digest=row.digest,
        size=row.size,
        created=row.created,
        signature=_signature(row),
        metrics=row.metrics,
        check=check(row),
    )
