"""What the engine has against what the store knows: states, ends, event lines, strangers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from labdock_service.engines.base import WorkerStatus
from labdock_service.reconciler.ingest import Ingest
from labdock_service.reconciler.parts import Parts, apart, log
from labdock_service.reconciler.secrets import JobSecrets
from labdock_service.store import Fenced, workers
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

VANISHED = "the engine knows it no more"


@dataclass
class Watcher:
    """Carries what is seen of workers into the store. `seen` is the last look."""

    parts: Parts
    ingest: Ingest
    secrets: JobSecrets
    seen: dict[str, WorkerStatus] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    """Ids of ended workers that have a row: they need no second look-up."""

    def watch(self) -> None:
        """Look once and write down what changed."""
        self.seen = {status.id: status for status in self.parts.engine.look()}
        with self.parts.store.read() as session:
            live = workers.live(session)
        for row in live:
            with apart(f"Worker {row.id}"):
                self._update(row)
        self._end_strangers({row.id for row in live})

    def _update(self, row: WorkerRow) -> None:
        """A worker's end is noted once all that it said was read: the next pass reads on."""
        status = self.seen.get(row.id)
        lines, offset = self._events(row, status, row.event_offset)
        if offset == row.event_offset and not _changes(row, status):
            return
        more = _has_ended(status) and self._events(row, status, offset)[1] != offset
        with self.parts.write() as session:
            fresh = session.get_one(WorkerRow, row.id)
            if lines:
                self._ingest(session, fresh, lines)
            fresh.event_offset = offset
            if not more:
                _note(fresh, status, self.parts.clock())

    def _events(
        self, row: WorkerRow, status: WorkerStatus | None, offset: int
    ) -> tuple[list[bytes], int]:
        if status is None or row.job_id is None:
            return [], offset
        return self.parts.engine.events(row.id, offset)

    def _ingest(self, session: Session, worker: WorkerRow, lines: list[bytes]) -> None:
        """A line that cannot be written down is dropped, and no other one with it."""
        job = session.get_one(JobRow, worker.job_id)
        if worker.attempt != job.attempt:
            return
        attempt = session.get_one(AttemptRow, (job.id, worker.attempt))

        def take(some: list[bytes]) -> None:
            said = self.secrets.hide(session, job, some)
            self.ingest.take(session, job, attempt, worker, said)

        if not _succeeds(session, take, lines):
            dropped = sum(not _succeeds(session, take, [line]) for line in lines)
            log.error("Worker %s: %d of %d lines are dropped", worker.id, dropped, len(lines))

    def _end_strangers(self, live: set[str]) -> None:
        """End what the store has no row of, and what an ended row says should not be there."""
        ended = {worker for worker, status in self.seen.items() if status.state == "ended"}
        unknown = set(self.seen) - live - (self._known & ended)
        if not unknown:
            return
        with self.parts.store.read() as session:
            rows = workers.known(session, unknown)
        self._known |= rows
        for worker in sorted(rows - ended):
            with apart(f"Worker {worker}"):
                self._end_again(worker)
        for worker in sorted(unknown - rows):
            with apart(f"Worker {worker}"):
                self._end_stranger(self.seen.pop(worker))

    def _end_again(self, worker: str) -> None:
        """What it does has not counted since it was seen to have ended."""
        log.warning("Worker %s had ended and is there again: it is ended", worker)
        self.parts.engine.kill(worker)

    def _end_stranger(self, status: WorkerStatus) -> None:
        log.warning("Worker %s has no record: it is ended and removed", status.id)
        if status.state != "ended":
            self.parts.engine.kill(status.id)
        else:
            self.parts.engine.remove(status.id)


def _succeeds(session: Session, take: Callable[[list[bytes]], None], lines: list[bytes]) -> bool:
    """Take lines, or nothing of them; an error that no line is to blame for is raised."""
    try:
        with session.begin_nested():
            take(lines)
    except (Fenced, OSError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.debug("A worker's lines cannot be written down", exc_info=error)
        return False
    return True


def _has_ended(status: WorkerStatus | None) -> bool:
    return status is not None and status.state == "ended"


def _changes(row: WorkerRow, status: WorkerStatus | None) -> bool:
    if status is None:
        return row.state == "running"
    return status.state != row.state


def _note(row: WorkerRow, status: WorkerStatus | None, now: float) -> None:
    """Write down a worker's state; one that was started and is no more was lost."""
    if status is None:
        row.state, row.ended, row.reason = "ended", now, VANISHED
        return
    row.state = status.state
    row.started = status.started
    if status.state == "ended":
        row.ended, row.exit_code, row.reason = status.ended or now, status.exit_code, status.reason
