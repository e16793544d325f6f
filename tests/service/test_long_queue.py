"""A long queue: its order, what each of it is told, and what a look at it costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from tests.support.reconciling import Deployment, deployed, eventually, make, reconciling

from labdock.schema import Job, JobRequest, Resources
from labdock_service.reconciler.loop import Reconciler
from labdock_service.scheduling.queue import TOLD, TURN
from labdock_service.store import events, jobs, snapshots

MANY = 1000
ALL = Resources(cpus=2)
WAIT = "import signal; print('waits', flush=True); signal.pause()"


@dataclass
class Line:
    """A machine that one job fills, and those who wait for it."""

    place: Deployment
    reconciler: Reconciler
    running: str

    def join(self, count: int) -> list[str]:
        """So many more jobs of the same snapshot, in the order in which they wait."""
        snapshot = self.place.job(self.running).snapshot
        with self.place.acting() as (session, person, _):
            row = snapshots.find(session, snapshot)
            assert row
            request = JobRequest(snapshot=row.id, resources=ALL)
            return [jobs.create(session, row, person, request).id for _ in range(count)]

    def reach(self, job: str, state: str) -> None:
        """Make passes until the job is in this state."""

        def look() -> bool:
            self.reconciler.settle()
            return self.place.job(job).state == state

        eventually(look)

    def statements(self) -> int:
        """How many a look takes when there is nothing to do."""
        self.reconciler.settle()
        with counted() as said:
            self.reconciler.settle()
        return len(said)

    def listed(self, **asked: object) -> list[Job]:
        """A page of the jobs, as the API lists them."""
        with self.place.acting() as (session, _, project):
            return jobs.listed(session, [project.id], **asked)  # type: ignore[arg-type]

    def all_listed(self, **asked: object) -> list[str]:
        """The ids of all pages."""
        found: list[str] = []
        while page := self.listed(limit=300, before=found[-1] if found else None, **asked):
            found += [job.id for job in page]
        return found

    def last_event(self) -> int:
        with self.place.store.read() as session:
            return events.last(session)

    def told_since(self, number: int) -> list[str]:
        """The kinds of all later events."""
        with self.place.acting() as (session, _, project):
            return [one.kind for one in events.after(session, [project.id], number, limit=5000)]


@contextmanager
def counted() -> Iterator[list[str]]:
    said: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with deployed(tmp_path) as place, reconciling(reconciler := make(place)):
        line = Line(place, reconciler, place.submit(WAIT, resources=ALL))
        line.reach(line.running, "running")
        yield line


def test_a_look_at_a_thousand_costs_what_a_look_at_ten_does(line: Line) -> None:
    line.reach(line.join(10)[-1], "queued")
    few = line.statements()
    line.reach(line.join(MANY)[-1], "queued")
    assert line.statements() == few


def test_an_end_and_a_start_are_told_to_the_first_only(line: Line) -> None:
    waiting = line.join(200)
    line.reach(waiting[-1], "queued")
    messages = [line.place.job(job).message for job in waiting]
    assert all(line.running in message for message in messages[:TOLD])
    assert messages[TOLD:] == [TURN] * (len(waiting) - TOLD)
    before = line.last_event()
    line.place.stop(line.running)
    line.reach(waiting[0], "running")
    assert line.told_since(before).count("job.noted") <= 2 * TOLD
    assert waiting[0] in line.place.job(waiting[1]).message


def test_a_thousand_are_listed_once_each_and_start_in_their_order(line: Line) -> None:
    waiting = line.join(MANY)
    line.reach(waiting[-1], "queued")
    newest_first = line.all_listed()
    assert sorted(newest_first) == sorted([line.running, *waiting])
    assert line.all_listed(state="queued") == [job for job in newest_first if job != line.running]
    oldest_first = [job for job in reversed(newest_first) if job != line.running]
    for job in oldest_first[:2]:
        line.place.stop(job)
        line.reach(job, "stopped")
        assert line.place.job(job).attempts == []
    line.place.stop(line.running)
    line.reach(oldest_first[2], "running")
    assert [job.id for job in line.listed(state="running")] == [oldest_first[2]]
