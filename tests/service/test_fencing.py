"""An attempt that was cut off lives on somewhere, and can change nothing any more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support import workers
from tests.support.reconciling import Deployment, deployed, eventually, make, reconciling

from labdock.digests import sha256
from labdock_service.engines.base import WorkerStatus
from labdock_service.engines.process import ProcessEngine
from labdock_service.reconciler.loop import Reconciler, own_pipe

WRITES = """
    import contextlib, json, os, pathlib, signal
    from labdock_runtime.events import Events
    from labdock_runtime.job import Job

    job = Job(os.environ)
    events = Events(job)
    checkpoints, curves = pathlib.Path(job.checkpoints), pathlib.Path(job.tensorboard)
    files = [pathlib.Path("results.txt"), curves / "points", checkpoints / f"of-{job.attempt}"]
    streams = [file.open("a") for file in files]

    def write(text):
        for stream in streams:
            stream.write(f"{text} of {job.attempt}\\n")
            stream.flush()
        for folder in (curves, checkpoints, pathlib.Path(".")):
            with contextlib.suppress(FileNotFoundError):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{text}-{job.attempt}").touch()

    def save():
        version = pathlib.Path(job.models, "m")
        version.mkdir(parents=True)
        (version / "saved_model.pb").write_text(f"of {job.attempt}")
        version.with_suffix(".json").write_text('{"name": "m"}')

    write("first")
    events.emit("epoch", epoch=job.attempt, metrics={})
    if job.attempt == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    write("last")
    events.emit("epoch", epoch=10 * job.attempt, metrics={})
    events.warn(f"a warning of {job.attempt}")
    save()
    print("done", flush=True)
"""


class CutOff(ProcessEngine):
    """Cannot reach the machine of one worker, and takes that for its end."""

    lost = ""

    def look(self) -> list[WorkerStatus]:
        return [
            replace(worker, state="ended", reason="its machine is gone")
            if worker.id == self.lost and worker.state != "ended"
            else worker
            for worker in super().look()
            if worker.id != self.lost or worker.exit_code is None
        ]

    def stop(self, worker: str) -> None:
        if worker != self.lost:
            super().stop(worker)

    def kill(self, worker: str) -> None:
        if worker != self.lost:
            super().kill(worker)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


@pytest.fixture
def engine(place: Deployment) -> CutOff:
    return CutOff(place.state, own_pipe(place.state))


@pytest.fixture
def reconciler(place: Deployment, engine: CutOff) -> Iterator[Reconciler]:
    made = make(place, engine=engine)
    with reconciling(made):
        yield made


def cut_off(place: Deployment, engine: CutOff, reconciler: Reconciler) -> tuple[str, int]:
    """A job whose first attempt's worker was stopped and lost; the job, and that worker's pid."""
    job = place.submit(WRITES)
    worker = f"job-{job}-1-0"

    def stopped() -> bool:
        reconciler.settle()
        status = place.state.workers / worker / "status.json"
        return status.exists() and "pid" in status.read_text() and is_stopped(place, worker)

    eventually(stopped)
    reconciler.settle()
    engine.lost = worker
    return job, place.worker_pid(worker)


def is_stopped(place: Deployment, worker: str) -> bool:
    stat = Path(f"/proc/{place.worker_pid(worker)}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def ended(place: Deployment, reconciler: Reconciler, job: str) -> bool:
    reconciler.settle()
    return place.job(job).ended is not None


def traces(place: Deployment, job: str) -> dict[str, Any]:
    """All that is left of a job where somebody reads it."""
    folders = [place.job_folder(job) / "artifacts", place.job_folder(job) / "checkpoints/2"]
    folders += [place.state.models, *place.state.tensorboard.glob("*/*")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {
        "record": place.job(job),
        "events": place.events(job),
        **{str(file): sha256(file.read_bytes()) for file in files},
    }


def test_a_worker_that_was_stopped_and_continues_late_changes_nothing(
    place: Deployment, engine: CutOff, reconciler: Reconciler
) -> None:
    job, old = cut_off(place, engine, reconciler)
    eventually(lambda: ended(place, reconciler, job))
    before = traces(place, job)
    record = before["record"]
    assert (record.state, len(record.attempts)) == ("succeeded", 2), record.message
    assert "its machine is gone" in record.attempts[0].reason

    os.kill(old, signal.SIGCONT)
    eventually(lambda: "done" in (place.state.workers / f"job-{job}-1-0/log").read_text())
    for _ in range(3):
        reconciler.settle()
    assert traces(place, job) == before
    (curves,) = place.state.tensorboard.glob("*/*")
    assert (curves / "points").read_text() == "first of 2\nlast of 2\n"
    kept = place.job_folder(job) / "artifacts/1/results.txt"
    assert kept.read_text() == "first of 1\n"
    (model,) = place.state.models.rglob("saved_model.pb")
    assert model.read_text() == "of 2"
    told = [event.data["epoch"] for event in place.events(job) if event.kind == "job.epoch"]
    assert told == [1, 2, 20]


def test_a_worker_that_is_there_again_is_ended(
    place: Deployment, engine: CutOff, reconciler: Reconciler
) -> None:
    job, old = cut_off(place, engine, reconciler)
    eventually(lambda: ended(place, reconciler, job))
    engine.lost = ""

    def gone() -> bool:
        reconciler.settle()
        return not Path(f"/proc/{old}").exists()

    eventually(gone)
    assert workers.ended(engine, f"job-{job}-1-0").exit_code == -signal.SIGKILL
