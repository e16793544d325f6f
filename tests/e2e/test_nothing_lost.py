"""A gang that trains outlives `down`, and a machine that loses its power."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tests.support.deployment import Deployment, eventually, new_deployment

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]

EPOCHS = 12
TRAIN = f"""
import os
import sys
import time
import numpy as np
import keras

class Slow(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(0.05 if os.path.exists(sys.argv[1]) else 2.0)

x = np.arange(64.0).reshape(16, 4) / 64
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, x.sum(1), batch_size=8, epochs={EPOCHS}, shuffle=False, verbose=0,
                    callbacks=[Slow()])
print("RESULT", history.epoch == list(range({EPOCHS})), len(history.history["loss"]))
"""


@pytest.fixture
def started(
    prepared: StateFolder, environment: Path, labdock_proxy: list[str], tmp_path: Path
) -> Iterator[Deployment]:
    del environment, labdock_proxy
    made = new_deployment(prepared, tmp_path)
    try:
        made.up()
        yield made
    finally:
        made.sweep()


class Watched:
    """A job as the API tells of it, whichever service is there."""

    def __init__(self, deployment: Deployment, job: str, token: str, hurry: Path) -> None:
        base = f"{deployment.url}/services/labdock/api/"
        headers = {"Authorization": f"token {token}"}
        self._http = httpx.Client(base_url=base, headers=headers, timeout=60)
        self._job = job
        self._hurry = hurry

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"jobs/{self._job}").json()
        return found

    def epochs(self) -> list[int]:
        answer = self._http.get("events", params={"job": self._job, "limit": 1000}).json()
        return [event["data"]["epoch"] for event in answer if event["kind"] == "job.epoch"]

    def kinds(self) -> list[str]:
        answer = self._http.get("events", params={"job": self._job, "limit": 1000}).json()
        return [event["kind"] for event in answer]

    def log(self) -> str:
        return self._http.get(f"jobs/{self._job}/logs").text

    def hurry(self) -> None:
        """Let it train at full speed from here on."""
        self._hurry.touch()

    def until_epoch(self, number: int) -> None:
        eventually(lambda: max(self.epochs(), default=0) >= number, seconds=300, what="an epoch")


def submit(deployment: Deployment) -> Watched:
    token = deployment.labdock("token", "admin").stdout.strip()
    folder = deployment.state.root.parent / "source"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    program = {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": token}
    hurry = deployment.state.root.parent / "hurry"
    arguments = ("submit", str(folder / "train.py"), "--workers", "2", "--json", "--", str(hurry))
    done = deployment.labdock(*arguments, **program)
    assert done.returncode == 0, done.stderr + deployment.logs()
    return Watched(deployment, json.loads(done.stdout)["id"], token, hurry)


def lose_power(deployment: Deployment) -> None:
    """kill -9 of everything at once; the state folder stays as it lay."""
    deployment.sweep()
    eventually(lambda: not deployment.processes(), what="the end of every process")
    with sqlite3.connect(deployment.state.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_gang_goes_on_after_down_and_after_a_power_cut_and_ends_once(
    started: Deployment,
) -> None:
    job = submit(started)
    job.until_epoch(2)
    started.down()
    eventually(lambda: not started.processes(), what="the end of every process")
    started.up()
    reached = max(job.epochs())
    job.until_epoch(reached + 2)
    lose_power(started)
    job.hurry()
    started.up()
    ended = eventually(lambda: over(job), seconds=300, what="the job's end")
    assert (ended["state"], len(ended["attempts"])) == ("succeeded", 3), ended["message"]
    assert job.epochs() == list(range(1, EPOCHS + 1))
    assert job.kinds().count("job.succeeded") == 1
    assert re.search(rf"RESULT True {EPOCHS}", job.log())
    begun = [int(number) for number in re.findall(r"Training goes on in epoch (\d+)", job.log())]
    assert len(begun) == 2 and 2 < begun[0] < begun[1]
    assert drawn(started, "epoch_loss") == list(range(EPOCHS))


def drawn(deployment: Deployment, name: str) -> list[int]:
    """The steps of a curve as TensorBoard draws it."""
    board = EventMultiplexer()
    board.AddRunsFromDirectory(str(deployment.state.tensorboard))
    board.Reload()
    (run,) = (run for run, found in board.Runs().items() if name in found["tensors"])
    return [point.step for point in board.Tensors(run, name)]


def over(job: Watched) -> dict[str, Any]:
    record = job.record()
    return record if record["ended"] else {}
