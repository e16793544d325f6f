"""The one ledger of leases: what jobs, revisions, notebooks and verifications hold.

The reconciler writes it, behind its fence, and only a verification of an image takes what nobody
has by itself; a device has one row at most, which the database itself sees to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from labdock.gpuschema import Gpu
from labdock_service.engines.base import Device, Node
from labdock_service.scheduling.ledger import Lease
from labdock_service.store.tables import AttemptRow, JobRow, LeaseRow, NotebookRow, WorkerRow

VERIFICATION = "verification"
"""The kind of holder that a process is which verifies images."""


def held(session: Session) -> list[LeaseRow]:
    """Every lease there is."""
    return list(session.scalars(select(LeaseRow).order_by(LeaseRow.id)))


def in_ledger(row: LeaseRow) -> Lease:
    """A lease as the queue plans with it."""
    return Lease(
        holder=row.holder_id,
        title=row.title,
        node=row.node,
        cpus=row.cpus,
        memory=row.memory,
        device=row.device,
    )


def gpus(session: Session, nodes: Iterable[Node]) -> list[Gpu]:
    """Every GPU of these machines and its holder, and those that are leased and not there."""
    holders = {(row.node, row.device): row for row in held(session) if row.device is not None}
    found = [
        _gpu(session, device, node.name, holders.pop((node.name, device.uuid), None))
        for node in nodes
        for device in node.devices
    ]
    gone = [(row, Device(uuid=str(row.device), title="", memory=0)) for row in holders.values()]
    return [*found, *(_gpu(session, device, row.node, row) for row, device in gone)]


def _gpu(session: Session, device: Device, node: str, lease: LeaseRow | None) -> Gpu:
    return Gpu(
        uuid=device.uuid,
        title=device.title,
        memory=device.memory,
        node=node,
        holder=f"{lease.holder_kind}:{lease.holder_id}" if lease else None,
        held_by=lease.title if lease else None,
        since=_since(session, lease) if lease else None,
        until=_until(session, lease) if lease else None,
        lost=lease is not None and lease.lost is not None,
    )


def _since(session: Session, lease: LeaseRow) -> float | None:
    """When its worker was started; a server asked for it a moment before it had it."""
    if lease.holder_kind == "notebook":
        server = session.get(NotebookRow, lease.holder_id)
        return server.asked if server else None
    worker = session.get(WorkerRow, lease.worker_id) if lease.worker_id else None
    return worker.started if worker else None


def _until(session: Session, lease: LeaseRow) -> float | None:
    """When a job's time is over; nobody knows of others when they end."""
    if lease.holder_kind != "job":
        return None
    job = session.get(JobRow, lease.holder_id)
    attempt = session.get(AttemptRow, (lease.holder_id, lease.attempt))
    if job is None or attempt is None or job.time_limit is None or attempt.started is None:
        return None
    return attempt.started + job.time_limit


def of_ended_workers(session: Session) -> list[LeaseRow]:
    """What workers hold that were seen to have ended."""
    query = select(LeaseRow).join(WorkerRow, WorkerRow.id == LeaseRow.worker_id)
    return list(session.scalars(query.where(WorkerRow.state == "ended").order_by(LeaseRow.id)))


def holds(session: Session, kind: str, holder: str) -> bool:
    """Whether somebody holds anything."""
    query = select(LeaseRow.id).where(LeaseRow.holder_kind == kind, LeaseRow.holder_id == holder)
    return session.scalar(query.limit(1)) is not None


def release(session: Session, kind: str, holder: str) -> None:
    """Give back all that somebody holds."""
    session.execute(
        delete(LeaseRow).where(LeaseRow.holder_kind == kind, LeaseRow.holder_id == holder)
    )


def take_free(
    session: Session, verifier: str, node: str, devices: Sequence[str], most: int
) -> list[str]:
    """Lease some of a node's devices that nobody has to a process that verifies images."""
    free = [device for device in devices if are_free(session, node, [device])][:most]
    for device in free:
        session.add(
            LeaseRow(
                holder_kind=VERIFICATION,
                holder_id=verifier,
                title="the verification of an image",
                attempt=0,
                node=node,
                cpus=0.0,
                memory=0,
                device=device,
            )
        )
    return free


def are_free(session: Session, node: str, devices: Collection[str]) -> bool:
    """Whether nobody has any of a node's devices."""
    return not any(row.device in devices for row in held(session) if row.node == node)


def devices(session: Session, worker_id: str) -> tuple[str, ...]:
    """The GPUs that one worker holds."""
    query = select(LeaseRow.device).where(
        LeaseRow.worker_id == worker_id, LeaseRow.device.is_not(None)
    )
    return tuple(device for device in session.scalars(query.order_by(LeaseRow.id)) if device)
