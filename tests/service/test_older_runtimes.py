"""Jobs whose image has a runtime of another version than today's service."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.reconciling import Deployment, eventually
from tests.support.runtimes import KEPT, lay_out

import labdock_runtime
from labdock.schema import JobRequest
from labdock.servingschema import UNCHECKED
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.packaging.environments import find_environments
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.package import package
from labdock_service.packaging.request import PackagingRequest
from labdock_service.store import jobs, models, snapshots, sources
from labdock_service.store.tables import SnapshotRow

TRAINING = """
import os, time
import keras, numpy as np

class Slow(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(0.1)
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 4 and os.environ["LABDOCK_ATTEMPT"] == "1":
            time.sleep(600)  # until it is killed

x, y = np.random.rand(80, 4), np.random.rand(80, 1)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, y, batch_size=10, epochs=6, callbacks=[Slow()])
print("EPOCHS", list(history.epoch))
model.save("small.keras")
"""


@pytest.fixture
def place(tensorflow_python: Path, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path, python=str(tensorflow_python))
    try:
        yield made
        assert "Traceback" not in made.log()
    finally:
        made.close()


def packaged_with(place: Deployment, runtime: Path, code: str) -> SnapshotRow:
    """A snapshot as a service of that time left it, with the runtime of that time."""
    snapshot_id = place.snapshot({"train.py": code}, "train.py")
    with place.acting() as (session, _, project):
        row = session.get_one(SnapshotRow, snapshot_id)
        source = sources.find(session, project.id, row.source)
        assert source
        (environment,) = find_environments(place.state, "local")
        request = PackagingRequest(source=source, environment=environment, runtime=runtime)
        made = package(request, place.state, print)
        row.state, row.runtime, row.lock = "ready", made.runtime, made.lock
        row.digest, row.image = made.snapshot_digest, made.image_digest
        row.layers = msgspec.to_builtins(made.layers)
        return row


def submit(place: Deployment, snapshot_id: str) -> str:
    with place.acting() as (session, person, _):
        row = snapshots.find(session, snapshot_id)
        assert row
        return jobs.create(session, row, person, JobRequest(snapshot=row.id)).id


def log_of(place: Deployment, worker: str) -> str:
    return (place.state.workers / worker / "log").read_text()


@pytest.mark.tensorflow
@pytest.mark.parametrize("version", KEPT)
def test_a_job_of_an_older_runtime_runs_under_todays_service(
    place: Deployment, tmp_path: Path, version: str
) -> None:
    snapshot = packaged_with(place, lay_out(version, tmp_path), TRAINING)
    assert snapshot.runtime.startswith(f"{version}+") and version != labdock_runtime.__version__
    place.start()
    job = submit(place, snapshot.id)
    first = f"job-{job}-1-0"
    eventually(lambda: (place.job(job).progress.epoch or 0) >= 3)
    assert runs_with(place, first) == version
    os.kill(place.worker_pid(first), signal.SIGKILL)

    done = place.until(job, "succeeded")
    assert [attempt.number for attempt in done.attempts] == [1, 2]
    assert "Training goes on from epoch" in log_of(place, f"job-{job}-2-0")
    assert "EPOCHS [0, 1, 2, 3, 4, 5]" in log_of(place, f"job-{job}-2-0")
    assert (done.progress.epoch, done.progress.epochs) == (6, 6)
    assert "loss" in done.progress.metrics
    told = [event.data["epoch"] for event in place.events(job) if event.kind == "job.epoch"]
    assert told == [1, 2, 3, 4, 5, 6]
    (shown,) = place.state.tensorboard.glob(f"*/*{job}")
    assert list(shown.resolve().rglob("events.out.tfevents.*"))
    with place.store.read() as session:
        (model,) = [models.view(row) for row in models.of_job(session, job)]
    assert (model.name, model.check) == ("small", UNCHECKED)
    assert model.signature.inputs and "loss" in model.metrics


def runs_with(place: Deployment, worker: str) -> str:
    """The version of the runtime that a worker was started with."""
    spec = WorkerFolder(place.state.workers / worker).read_spec()
    assert spec is not None
    source = Path(spec["python_path"][0], "labdock_runtime/__init__.py").read_text()
    found = re.search(r'__version__ = "(.+)"', source)
    assert found
    return found[1]


def test_a_snapshot_keeps_its_runtime_and_another_one_makes_another_image(
    place: Deployment, tmp_path: Path
) -> None:
    older = packaged_with(place, lay_out(KEPT[0], tmp_path), "print(1)")
    place.start()
    today = place.job(place.submit("print(1)"))
    place.until(today.id, "succeeded")
    with place.store.read() as session:
        newer = snapshots.find(session, today.snapshot)
        assert newer and newer.lock == older.lock
    assert newer.runtime.startswith(f"{labdock_runtime.__version__}+")
    assert newer.source == older.source
    assert newer.digest != older.digest and newer.image != older.image
    layers = {layer["role"]: layer["digest"] for layer in newer.layers}
    kept = {layer["role"]: layer["digest"] for layer in older.layers}
    assert {role for role in layers if layers[role] != kept[role]} == {"runtime"}
    assert labels(place, newer)["labdock.runtime"] == newer.runtime
    assert labels(place, older)["labdock.runtime"] == older.runtime


def labels(place: Deployment, snapshot: SnapshotRow) -> dict[str, Any]:
    """The labels of a snapshot's image."""
    store = LayerStore(place.state)
    assert snapshot.image
    manifest = json.loads(store.blob(snapshot.image).read_bytes())
    config = json.loads(store.blob(manifest["config"]["digest"]).read_bytes())
    found: dict[str, Any] = config["config"]["Labels"]
    return found


def test_what_a_newer_runtime_says_is_passed_over(place: Deployment) -> None:
    """It may tell of new things, or mean something else by what is known."""
    place.start()
    job = place.submit(
        """
        import json, os
        lines = [
            {"v": 1, "kind": "splendid", "rank": 0, "more": {"a": [1]}},
            {"v": 2, "kind": "failed", "reason": "of another meaning"},
            {"v": 2, "kind": "progress", "epoch": 7, "epochs": 9},
            {"v": [1], "kind": "epoch", "epoch": 8},
            {"v": 1, "kind": "epoch", "epoch": 3, "metrics": {"loss": 0.5}, "new": "field"},
        ]
        with open(os.environ["LABDOCK_EVENTS"], "a") as file:
            file.writelines(json.dumps(line) + "\\n" for line in lines)
        """
    )
    done = place.until(job, "succeeded")
    assert (done.progress.epoch, done.progress.metrics) == (3, {"loss": 0.5})
    assert done.failure is None
