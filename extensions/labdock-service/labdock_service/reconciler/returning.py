"""Leases of who is gone are given back: by what runs, not by how long ago somebody asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from labdock_service.reconciler.parts import ACTOR, Parts
from labdock_service.reconciler.watching import Watcher
from labdock_service.store import leases, notebooks
from labdock_service.store.tables import LeaseRow, NotebookRow

GONE_SECONDS = 30.0
"""How long the hub must have said that a server does not run: one that starts has so long, and a
hub that starts itself finds its servers meanwhile."""
PATIENCE = 90.0
"""Seconds after which nobody waits for GPUs any more who has not asked again: more than the API
lets anyone wait for one answer."""


@dataclass
class Returns:
    """Gives back what workers, notebooks and verifications hold that are there no more."""

    parts: Parts
    watcher: Watcher
    _gone: dict[tuple[str, str], float] = field(default_factory=dict)
    """Since when the hub has said that a start of a person's server does not run."""
    _polls: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """When somebody was last seen to ask for a server's GPUs."""

    def advance(self) -> None:
        """Look at every holder once."""
        with self.parts.store.read() as session:
            ended = [row.id for row in leases.of_ended_workers(session) if self._is_gone(row)]
            rows = {row.person_id: row for row in notebooks.every(session)}
            every = leases.held(session)
        held = [row for row in every if row.holder_kind == notebooks.KIND]
        ended += [row.id for row in every if self._was_verification(row)]
        gone = {row.person_id for row in rows.values() if self._has_gone(row)}
        late = {row.person_id for row in rows.values() if self._nobody_waits(row, held)}
        kept = {one: row.attempt for one, row in rows.items() if one not in gone and row.gpus}
        ended += [row.id for row in held if kept.get(row.holder_id) != row.attempt]
        if not (ended or gone or late):
            return
        with self.parts.write() as session:
            _delete_leases(session, ended)
            for person_id in gone:
                _forget(session, rows[person_id])
            for person_id in late:
                notebooks.withdraw(session, person_id, rows[person_id].attempt)

    def _is_gone(self, lease: LeaseRow) -> bool:
        """Whether the engine agrees that a worker has ended which was seen to have."""
        status = self.watcher.seen.get(lease.worker_id or "")
        return status is None or status.state == "ended"

    def _was_verification(self, lease: LeaseRow) -> bool:
        """Whether it is of a process that verified images, and left nothing running."""
        engine = self.parts.engine
        return lease.holder_kind == leases.VERIFICATION and not engine.verifies(lease.holder_id)

    def _has_gone(self, row: NotebookRow) -> bool:
        """Whether a server does not run and none is starting; not where nobody can say."""
        key, now = (row.person_id, row.start), self.parts.clock()
        if self.parts.servers(row.person_id, row.person.name) is not False:
            self._gone.pop(key, None)
            return False
        since = self._gone.setdefault(key, now)
        self.parts.remind(since + GONE_SECONDS)
        return now >= since + GONE_SECONDS

    def _nobody_waits(self, row: NotebookRow, held: Collection[LeaseRow]) -> bool:
        if not row.polls or any(lease.holder_id == row.person_id for lease in held):
            return False
        attempt, polls, since = self._polls.get(row.person_id, (0, 0, 0.0))
        if (attempt, polls) != (row.attempt, row.polls):
            since = self.parts.clock()
            self._polls[row.person_id] = (row.attempt, row.polls, since)
        self.parts.remind(since + PATIENCE)
        return self.parts.clock() >= since + PATIENCE


def _delete_leases(session: Session, ids: Collection[int]) -> None:
    for lease_id in ids:
        if (lease := session.get(LeaseRow, lease_id)) is not None:
            session.delete(lease)
            if lease.holder_kind == notebooks.KIND and lease.device:
                notebooks.note(session, lease.holder_id, ACTOR, "returned", [lease.device])


def _forget(session: Session, gone: NotebookRow) -> None:
    """Delete the record of a server, unless it has been started again meanwhile."""
    row = session.get(NotebookRow, gone.person_id)
    if row is not None and row.start == gone.start:
        session.delete(row)
