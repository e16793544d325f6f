"""What workers said and how they ended is written down, whatever it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.support.stores import ada, make_snapshot, sqlite_url, upgraded

from labdock.schema import JobRequest, Progress
from labdock_service.engines import supervised
from labdock_service.engines.base import WorkerStatus
from labdock_service.engines.process import ProcessEngine
from labdock_service.reconciler.ingest import Ingest
from labdock_service.reconciler.parts import Parts
from labdock_service.reconciler.secrets import JobSecrets
from labdock_service.reconciler.watching import Watcher
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store, jobs
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

NESTED = b"[" * 100_000
EPOCH = b'{"v": 1, "kind": "epoch", "epoch": %d, "epochs": 9}'
WORKER = "job-1-0"


class Ended(ProcessEngine):
    """Has one worker, which has ended."""

    def look(self) -> list[WorkerStatus]:
        return [WorkerStatus(id=WORKER, state="ended", node="local", labels={}, exit_code=0)]


class Refusing(Ingest):
    """Fails over what it does not like, after it has begun."""

    def take(self, session: Session, job: JobRow, *more: Any) -> None:
        *_, lines = more
        job.progress = {"epoch": 99}
        session.flush()
        if b"bad" in b"".join(lines):
            raise ArithmeticError
        super().take(session, job, *more)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    store, state = upgraded(sqlite_url(tmp_path)), StateFolder(tmp_path / "state")
    yield Parts(store=store, fence=store.take_fence(), engine=Ended(state), state=state)
    store.close()


def has_run(parts: Parts, *lines: bytes, secrets: tuple[str, ...] = ()) -> None:
    """A job whose worker has said so much, and of which nothing was read yet."""
    folder = parts.state.workers / WORKER
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    with parts.store.write() as session:
        snapshot = make_snapshot(session)
        person, _ = ada(session)
        job = jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))
        job.attempt, job.secrets = 1, list(secrets)
        session.add(AttemptRow(job_id=job.id, number=1, planned=0.0, failures={}))
        session.add(
            WorkerRow(
                id=WORKER,
                job_id=job.id,
                attempt=1,
                rank=0,
                node="local",
                state="running",
                stopping=False,
                event_offset=0,
            )
        )


def look(parts: Parts, ingest: Ingest | None = None) -> tuple[str, Progress]:
    """The worker's state and the job's progress after one more look."""
    Watcher(parts, ingest or Ingest(parts.clock), JobSecrets(parts)).watch()
    return seen(parts.store)


def seen(store: Store) -> tuple[str, Progress]:
    with store.read() as session:
        worker = session.get_one(WorkerRow, WORKER)
        return worker.state, Progress(**session.get_one(JobRow, worker.job_id).progress)


@pytest.mark.parametrize("secrets", [(), ("TOKEN",)])
@pytest.mark.parametrize(
    "odd",
    [
        NESTED,
        b'{"kind": "epoch", "epoch": 2, "metrics": {"loss": 1%s}}' % (b"0" * 400),
        b'{"kind": "epoch", "epoch": 1%s}' % (b"0" * 30),
        b'{"kind": "warning", "message": "\\ud800"}',
    ],
)
def test_an_odd_line_holds_up_no_end(parts: Parts, odd: bytes, secrets: tuple[str, ...]) -> None:
    has_run(parts, EPOCH % 1, odd, EPOCH % 3, secrets=secrets)
    state, progress = look(parts)
    assert (state, progress.epoch) == ("ended", 3)


def test_a_line_that_cannot_be_written_down_is_dropped_on_its_own(parts: Parts) -> None:
    has_run(parts, EPOCH % 1, b"bad", EPOCH % 3)
    state, progress = look(parts, Refusing(parts.clock))
    assert (state, progress.epoch, progress.epochs) == ("ended", 3, 9)


def test_an_end_is_noted_when_all_was_read(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "_LONGEST_EVENT", 200)
    has_run(parts, *(EPOCH % number for number in range(1, 7)))
    assert look(parts)[0] == "running"
    state, progress = look(parts)
    assert (state, progress.epoch) == ("ended", 6)


def test_what_follows_a_line_that_is_too_long_is_read(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "_LONGEST_EVENT", 200)
    has_run(parts, b'{"kind": "warning", "message": "%s"}' % (b"x" * 500), EPOCH % 2)
    looks = [look(parts) for _ in range(3)]
    assert [state for state, _ in looks] == ["running", "running", "ended"]
    assert looks[-1][1].epoch == 2
