"""The one ledger of leases: what jobs, revisions and notebooks hold."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from labdock_service.store.tables import LeaseRow


def held(session: Session) -> list[LeaseRow]:
    """Every lease there is."""
    return list(session.scalars(select(LeaseRow).order_by(LeaseRow.id)))


def release(session: Session, kind: str, holder: str, attempt: int | None = None) -> None:
    """Give back what a holder has, of one attempt or of all."""
    query = delete(LeaseRow).where(LeaseRow.holder_kind == kind, LeaseRow.holder_id == holder)
    if attempt is not None:
        query = query.where(LeaseRow.attempt == attempt)
    session.execute(query)
