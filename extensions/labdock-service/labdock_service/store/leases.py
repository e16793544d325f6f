"""The one ledger of leases: what jobs, revisions and notebooks hold."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from labdock_service.store.tables import LeaseRow


def held(session: Session) -> list[LeaseRow]:
    """Every lease there is."""
    return list(session.scalars(select(LeaseRow).order_by(LeaseRow.id)))


def holds(session: Session, kind: str, holder: str) -> bool:
    """Whether somebody holds anything."""
    query = select(LeaseRow.id).where(LeaseRow.holder_kind == kind, LeaseRow.holder_id == holder)
    return session.scalar(query.limit(1)) is not None


def release(session: Session, kind: str, holder: str) -> None:
    """Give back all that somebody holds."""
    session.execute(
        delete(LeaseRow).where(LeaseRow.holder_kind == kind, LeaseRow.holder_id == holder)
    )


def devices(session: Session, worker_id: str) -> tuple[str, ...]:
    """The GPUs that one worker holds."""
    query = select(LeaseRow.device).where(
        LeaseRow.worker_id == worker_id, LeaseRow.device.is_not(None)
    )
    return tuple(device for device in session.scalars(query.order_by(LeaseRow.id)) if device)
