"""The reconciler dies at every point where it could: before and after each commit and each
step of a start. Whoever follows finds what was meant and ends it once."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.support.reconciling import (
    Deployment,
    deployed,
    eventually,
    make,
    reconciling,
    run_until,
)

from labdock_service.engines.base import WorkerSpec, WorkerStatus
from labdock_service.engines.process import ProcessEngine
from labdock_service.errors import EngineAway, EngineFailed
from labdock_service.reconciler import harvester
from labdock_service.reconciler.loop import own_pipe
from labdock_service.store import Fenced, Store

RUNS = """
    import os
    with open(os.path.join(os.environ["LABDOCK_CHECKPOINTS"], "runs"), "a") as file:
        file.write("x")
    print("ran")
"""


class Died(BaseException):
    """kill -9, as far as the code that runs can tell."""


class DyingStore(Store):
    """Dies before or after its n-th write."""

    def __init__(self, url: str, writes: int, *, after: bool) -> None:
        super().__init__(url)
        self._left = writes
        self._after = after

    @contextmanager
    def fenced(self, number: int) -> Iterator[Session]:
        self._left -= 1
        with super().fenced(number) as session:
            yield session
            if not self._left and not self._after:
                raise Died
        if not self._left:
            raise Died


class DyingEngine(ProcessEngine):
    """Dies after so many steps of a start."""

    steps = 0

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        states = super().start(spec)
        for _ in range(self.steps):
            yield next(states)
        raise Died


class FailingEngine(ProcessEngine):
    """Cannot start anything."""

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        del spec
        raise EngineFailed("The disk is full.")
        yield


class AwayEngine(ProcessEngine):
    """Does not answer to the first starts; each takes as long as a gang may take in all."""

    late = 0.0
    starts = 3

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        if self.starts:
            self.starts -= 1
            self.late += 120.0
            raise EngineAway("Docker does not answer.")
        yield from super().start(spec)


class StuckEngine(ProcessEngine):
    """Never sees a worker run."""

    def look(self) -> list[WorkerStatus]:
        return [
            replace(worker, state="starting") if worker.state == "running" else worker
            for worker in super().look()
        ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


def assert_ran_once(place: Deployment, job: str) -> None:
    done = place.job(job)
    assert (done.state, len(done.attempts)) == ("succeeded", 1), done.message
    assert (place.job_folder(job) / "checkpoints" / "1" / "runs").read_text() == "x"
    assert place.kinds(job).count("job.succeeded") == 1


@pytest.mark.parametrize("after", [True, False])
def test_death_around_every_write(place: Deployment, after: bool) -> None:
    writes = 0
    died = True
    while died:
        writes += 1
        job = place.submit(RUNS)
        died = False
        try:
            run_until(place, make(place, DyingStore(place.url, writes, after=after)), job)
        except Died:
            died = True
            run_until(place, make(place), job)
        assert_ran_once(place, job)
    assert writes > 4


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_death_in_the_middle_of_a_start(place: Deployment, steps: int) -> None:
    job = place.submit(RUNS)
    engine = DyingEngine(place.state, own_pipe(place.state))
    engine.steps = steps
    with suppress(Died):
        run_until(place, make(place, engine=engine), job)
    run_until(place, make(place), job)
    assert_ran_once(place, job)


def test_an_engine_that_cannot_start_costs_attempts_and_says_why(place: Deployment) -> None:
    job = place.submit(RUNS, max_attempts=2)
    run_until(place, make(place, engine=FailingEngine(place.state)), job)
    done = place.job(job)
    assert done.state == "failed"
    assert "The disk is full" in done.message
    assert len(done.attempts) == 2


def test_an_engine_that_does_not_answer_costs_no_attempt_and_says_why(place: Deployment) -> None:
    job = place.submit(RUNS, max_attempts=1)
    engine = AwayEngine(place.state, own_pipe(place.state))
    reconciler = make(place, engine=engine)
    reconciler.parts.clock = lambda: time.time() + engine.late
    run_until(place, reconciler, job)
    assert_ran_once(place, job)
    said = [event.data["message"] for event in place.events(job) if event.kind == "job.noted"]
    assert said.count("Docker does not answer.") == 1


def test_workers_that_do_not_all_start_in_time_are_ended(place: Deployment) -> None:
    job = place.submit("import time; time.sleep(600)", workers=2, max_attempts=1)
    stuck = StuckEngine(place.state, own_pipe(place.state))
    run_until(place, make(place, engine=stuck, gang_timeout=1.0), job)
    done = place.job(job)
    assert (done.state, done.message) == ("failed", "Its workers did not all start in time.")
    assert all(worker.state == "ended" for worker in place.engine.look())


def test_an_older_reconciler_that_wakes_up_late_changes_nothing(place: Deployment) -> None:
    older = make(place)
    newer = make(place)
    job = place.submit(RUNS)
    with reconciling(older), pytest.raises(Fenced):
        while True:
            older.settle()
    run_until(place, newer, job)
    assert_ran_once(place, job)


def test_a_full_disk_keeps_the_job_until_its_files_are_kept(
    place: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    job = place.submit(RUNS)
    reconciler = make(place)
    monkeypatch.setattr(harvester, "AGAIN_SECONDS", 0.1)
    with monkeypatch.context() as disk:
        disk.setattr(harvester, "harvest", full)

        def told() -> bool:
            reconciler.settle()
            return "No space left" in place.job(job).message

        eventually(told)
    run_until(place, reconciler, job)
    assert_ran_once(place, job)


def test_a_harvest_that_cannot_succeed_ends_the_job_with_a_sentence(
    place: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ValueError("a name that nobody thought of")

    monkeypatch.setattr(harvester, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(harvester, "harvest", broken)
    job = place.submit(RUNS)
    run_until(place, make(place), job)
    done = place.job(job)
    assert (done.state, len(done.attempts)) == ("failed", 1)
    assert done.message == "Its files could not be kept: the reconciler's log says why."
