"""Keys of endpoints: shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.servingschema import Key, KeyRequest
from labdock_service.ids import new_id
from labdock_service.store import events
from labdock_service.store.tables import EndpointRow, KeyRow, PersonRow


@dataclass(frozen=True)
class LiveKey:
    """What the router has to know of a key."""

    endpoint: str
    sha256: str
    expires: float | None


def create(session: Session, endpoint: EndpointRow, owner: PersonRow, request: KeyRequest) -> Key:
    """A new key; the answer is the only place where its secret ever is."""
    secret = "ldk_" + secrets.token_urlsafe(32)
    now = time.time()
    row = KeyRow(
        id=new_id("k"),
        endpoint_id=endpoint.id,
        owner_id=owner.id,
        title=request.title,
        sha256=hashlib.sha256(secret.encode()).hexdigest(),
        created=now,
        expires=now + request.expires_in if request.expires_in else None,
    )
    row.owner = owner
    session.add(row)
    session.flush()
    _event(session, endpoint, owner.name, "key.created", row)
    return view(row, secret)


def find(session: Session, endpoint: EndpointRow, key_id: str) -> KeyRow | None:
    """A key of this endpoint that is not revoked."""
    row = session.get(KeyRow, key_id)
    if row is None or row.endpoint_id != endpoint.id or row.revoked is not None:
        return None
    return row


def listed(session: Session, endpoint: EndpointRow) -> list[Key]:
    """The endpoint's keys that are not revoked, oldest first."""
    query = select(KeyRow).where(KeyRow.endpoint_id == endpoint.id, KeyRow.revoked.is_(None))
    return [view(row) for row in session.scalars(query.order_by(KeyRow.created))]


def revoke(session: Session, endpoint: EndpointRow, key: KeyRow, actor: str) -> None:
    """End a key. It counts once the router's table is written."""
    key.revoked = time.time()
    _event(session, endpoint, actor, "key.revoked", key)


def live(session: Session) -> list[LiveKey]:
    """Every key that opens an endpoint now: what run/keys.json shall say."""
    query = (
        select(KeyRow.endpoint_id, KeyRow.sha256, KeyRow.expires)
        .join(EndpointRow, EndpointRow.id == KeyRow.endpoint_id)
        .where(KeyRow.revoked.is_(None), EndpointRow.deleted.is_(None))
        .order_by(KeyRow.id)
    )
    now = time.time()
    rows = [LiveKey(*row) for row in session.execute(query)]
    return [row for row in rows if row.expires is None or row.expires > now]


def view(row: KeyRow, secret: str | None = None) -> Key:
    """The key's wire form."""
    return Key(
        id=row.id,
        endpoint=row.endpoint_id,
        title=row.title,
        created=row.created,
        created_by=row.owner.name,
        expires=row.expires,
        secret=secret,
    )


def _event(session: Session, endpoint: EndpointRow, actor: str, kind: str, key: KeyRow) -> None:
    data = {"key": key.id, "title": key.title}
    events.add(session, endpoint.project_id, actor, kind, endpoint=endpoint.id, data=data)
