"""Sources, the contents a project uploaded, and the kept locks."""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.schema import Source
from labdock_service.store.tables import BlobRow, LockRow, SourceRow

CHUNK = 500  # SQLite takes a limited number of values in one statement


def save(session: Session, project_id: str, source: Source) -> None:
    """Keep a source. Saving it again changes nothing."""
    if session.get(SourceRow, (project_id, source.digest)) is None:
        body = msgspec.to_builtins(source)
        session.add(
            SourceRow(project_id=project_id, digest=source.digest, body=body, created=time.time())
        )


def find(session: Session, project_id: str, digest: str) -> Source | None:
    """A source that this project uploaded."""
    row = session.get(SourceRow, (project_id, digest))
    return msgspec.convert(row.body, Source) if row else None


def missing_blobs(session: Session, project_id: str, digests: Iterable[str]) -> list[str]:
    """Those of the digests whose content this project has not uploaded, in the given order."""
    wanted = list(dict.fromkeys(digests))
    have: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        have |= set(
            session.scalars(
                select(BlobRow.digest).where(
                    BlobRow.project_id == project_id,
                    BlobRow.digest.in_(wanted[start : start + CHUNK]),
                )
            )
        )
    return [digest for digest in wanted if digest not in have]


def add_blobs(session: Session, project_id: str, sizes: dict[str, int]) -> None:
    """Record that the project uploaded these contents (digest to size)."""
    for digest in missing_blobs(session, project_id, sizes):
        session.add(BlobRow(project_id=project_id, digest=digest, size=sizes[digest]))


def kept_lock(session: Session, project_id: str, requirements: str, foundation: str) -> str | None:
    """The lock kept for these requirements (by digest) on that foundation of environments."""
    row = session.get(LockRow, (project_id, requirements, foundation))
    return row.text if row else None


def keep_lock(
    session: Session, project_id: str, requirements: str, foundation: str, lock: str
) -> None:
    """Keep a lock in place of the one before."""
    session.merge(
        LockRow(
            project_id=project_id,
            requirements=requirements,
            foundation=foundation,
            text=lock,
            created=time.time(),
        )
    )
