"""A job of two workers that trains slowly until it is told to hurry, as the API tells of it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
from tests.support.deployment import Deployment, eventually

EPOCHS = 12
GOES_ON = r"Training goes on in epoch (\d+)"
TRAIN = f"""
import os
import time
import numpy as np
import keras

class Slow(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(0.05 if os.path.exists(os.path.expanduser("~/data/hurry")) else 2.0)

x = np.arange(64.0).reshape(16, 4) / 64
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, x.sum(1), batch_size=8, epochs={EPOCHS}, shuffle=False, verbose=0,
                    callbacks=[Slow()])
print("RESULT", history.epoch == list(range({EPOCHS})), len(history.history["loss"]))
"""


class Watched:
    """The job, whichever service is there."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._token = deployment.labdock("token", "admin").stdout.strip()
        headers = {"Authorization": f"token {self._token}"}
        base = f"{deployment.url}/services/labdock/api/"
        self._http = httpx.Client(base_url=base, headers=headers, timeout=60)
        self._hurry = deployment.state.data_roots / "data/hurry"
        self._hurry.unlink(missing_ok=True)
        self.id = str(json.loads(self._submit())["id"])

    def _submit(self) -> str:
        script = self._deployment.state.root.parent / "source/train.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(TRAIN)
        return self.say("submit", str(script), "--workers", "2", "--json")

    def say(self, *arguments: str) -> str:
        """Run a command of the command line, as its owner."""
        program = {"LABDOCK_URL": self._deployment.url, "LABDOCK_TOKEN": self._token}
        done = self._deployment.labdock(*arguments, **program)
        assert done.returncode == 0, done.stderr + self._deployment.logs()
        return done.stdout

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"jobs/{self.id}").json()
        return found

    def epochs(self) -> list[int]:
        answer = self._http.get("events", params={"job": self.id, "limit": 1000}).json()
        return [event["data"]["epoch"] for event in answer if event["kind"] == "job.epoch"]

    def kinds(self) -> list[str]:
        answer = self._http.get("events", params={"job": self.id, "limit": 1000}).json()
        return [event["kind"] for event in answer]

    def log(self) -> str:
        return self._http.get(f"jobs/{self.id}/logs").text

    def begun(self) -> list[int]:
        """The epochs in which later attempts went on."""
        return [int(number) for number in re.findall(GOES_ON, self.log())]

    def hurry(self) -> None:
        """Let it train at full speed from here on."""
        self._hurry.touch()

    def until_epoch(self, number: int) -> None:
        eventually(lambda: max(self.epochs(), default=0) >= number, seconds=300, what="an epoch")

    def until_over(self) -> dict[str, Any]:
        """Its record, once it has ended."""
        return eventually(self._over, seconds=300, what="the job's end")

    def _over(self) -> dict[str, Any]:
        record = self.record()
        return record if record["ended"] else {}
