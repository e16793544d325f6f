"""Snapshots: asked for by the API, filled in by the reconciler."""

from __future__ import annotations

import hashlib
import time

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from labdock.inputs import Parameter
from labdock.schema import GitCommit, Layer, Requirements, Snapshot, Source
from labdock_service.ids import new_id
from labdock_service.store import events, sources
from labdock_service.store.tables import PersonRow, SnapshotRow

WAITS = "Waits for packaging."


def request(
    session: Session,
    project_id: str,
    owner: PersonRow,
    source: Source,
    *,
    environment: str,
    foundation: str,
    runtime: str,
    parameters: list[Parameter] | None = None,
    renew_lock: bool = False,
) -> SnapshotRow:
    """The project's snapshot of this source: a new one, or the same where nothing changed."""
    if not renew_lock:
        same = _find_same(session, project_id, source, environment, runtime)
        if same is not None:
            keep_parameters(same, parameters)
            return same
    row = SnapshotRow(
        id=new_id("s"),
        project_id=project_id,
        owner_id=owner.id,
        source=source.digest,
        entry=source.entry,
        environment=environment,
        foundation=foundation,
        runtime=runtime,
        renew_lock=renew_lock,
        git=msgspec.to_builtins(source.git),
        created=time.time(),
        state="packaging",
        step=WAITS,
        layers=[],
        looked_into=False,
    )
    keep_parameters(row, parameters)
    session.add(row)
    session.flush()
    events.add(session, project_id, owner.name, "snapshot.created", data={"snapshot": row.id})
    return row


def find(session: Session, snapshot_id: str) -> SnapshotRow | None:
    """A snapshot by id."""
    return session.get(SnapshotRow, snapshot_id)


def looked_into(session: Session, project_id: str, source: str) -> SnapshotRow | None:
    """A snapshot of the source of this digest whose parameters are known."""
    return session.scalar(
        select(SnapshotRow)
        .where(
            SnapshotRow.project_id == project_id,
            SnapshotRow.source == source,
            SnapshotRow.looked_into.is_(True),
        )
        .limit(1)
    )


def parameters(row: SnapshotRow) -> list[Parameter] | None:
    """What the entry's cell of parameters sets; none where it has none."""
    return msgspec.convert(row.parameters, list[Parameter] | None)


def keep_parameters(row: SnapshotRow, found: list[Parameter] | None) -> None:
    """Keep what the entry's cell of parameters sets, unless it is known already."""
    if not row.looked_into:
        row.parameters, row.looked_into = msgspec.to_builtins(found), True


def package_again(row: SnapshotRow) -> None:
    """Want a snapshot packaged that was before, in vain or with its layers gone since."""
    row.state, row.step, row.error = "packaging", WAITS, None


def packaging(session: Session) -> list[SnapshotRow]:
    """Snapshots that wait for packaging, with the locks that they have, oldest first."""
    query = select(SnapshotRow).where(SnapshotRow.state == "packaging")
    query = query.options(undefer(SnapshotRow.lock))
    return list(session.scalars(query.order_by(SnapshotRow.created, SnapshotRow.id)))


def requirements_digest(requirements: Requirements) -> str:
    """What a kept lock is found by: the requirement lines, wherever they were written."""
    return "sha256:" + hashlib.sha256("\n".join(requirements.lines).encode()).hexdigest()


def view(row: SnapshotRow) -> Snapshot:
    """The snapshot's wire form."""
    return Snapshot(
        id=row.id,
        project=row.project.name,
        state=row.state,  # type: ignore[arg-type]
        source=row.source,
        entry=row.entry,
        environment=row.environment,
        runtime=row.runtime,
        parameters=parameters(row),
        digest=row.digest,
        lock=(row.lock or "").splitlines(),
        image=row.image,
        layers=msgspec.convert(row.layers, list[Layer]),
        git=msgspec.convert(row.git, GitCommit | None),
        step=row.step,
        error=row.error,
        created=row.created,
    )


def _find_same(
    session: Session, project_id: str, source: Source, environment: str, runtime: str
) -> SnapshotRow | None:
    """The newest snapshot of the same things, unless its lock was renewed since."""
    row = session.scalar(
        select(SnapshotRow)
        .where(
            SnapshotRow.project_id == project_id,
            SnapshotRow.source == source.digest,
            SnapshotRow.environment == environment,
            SnapshotRow.runtime == runtime,
            SnapshotRow.state != "failed",
        )
        .order_by(SnapshotRow.created.desc(), SnapshotRow.id.desc())
        .limit(1)
    )
    if row is None or row.state == "packaging":
        return row
    requirements = requirements_digest(source.requirements)
    kept = sources.kept_lock(session, project_id, requirements, row.foundation)
    return row if row.lock == kept else None
