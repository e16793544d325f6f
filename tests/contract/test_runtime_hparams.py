"""What TensorBoard's HParams tab shows of jobs: their values, their metrics, and how they ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard import default, program
from tests.support.clients import wait_for
from tests.support.runtime import Bench, Worker, write_notebook
from werkzeug.test import Client

PARAMETERS = "lr = 0.1\nunits = 8\nnote = 'x'\nlayers = [1]\nfail = False"
CODE = """
import numpy as np, keras
x = np.random.default_rng(1).random((64, 4), dtype="float32")
model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(lr), "mse")
model.fit(x, x.sum(1), epochs=2, validation_split=0.5)
if fail:
    raise ValueError("as it was asked to")
"""


@pytest.fixture
def bench(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tensorflow_python, tmp_path)
    write_notebook(made.source / "n.ipynb", CODE, parameters=PARAMETERS)
    yield made
    made.close()


def start(bench: Bench, run: str, **values: Any) -> Worker:
    every = {"lr": 0.1, "units": 8, "note": "x", "layers": [1], "fail": False} | values
    (worker,) = bench.start(
        "n.ipynb",
        LABDOCK_PARAMETERS=json.dumps(values),
        LABDOCK_HYPERPARAMETERS=json.dumps(every),
        LABDOCK_TENSORBOARD=str(bench.tensorboard / run),
    )
    return worker


class Board:
    """TensorBoard's own answers, from the application that its server runs."""

    def __init__(self, logs: Path) -> None:
        board = program.TensorBoard(plugins=default.get_plugins(), server_class=_App)
        board.configure(argv=["tensorboard", f"--logdir={logs}", "--load_fast=false"])
        self._client = Client(board._make_server().app)

    def ask(self, route: str, body: dict[str, Any]) -> Any:
        answer = self._client.post(f"/data/plugin/hparams/{route}", json=body)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)


class _App(program.TensorBoardServer):  # type: ignore[misc]
    def __init__(self, app: Any, flags: Any) -> None:
        del flags
        self.app = app

    def serve_forever(self) -> None:
        raise NotImplementedError

    def get_url(self) -> str:
        return ""


@pytest.mark.tensorflow
def test_the_hparams_tab_is_filled(bench: Bench) -> None:
    first = start(bench, "grid/lr=0.5-j1", lr=0.5)
    second = start(bench, "grid/lr=0.01-j2", lr=0.01, fail=True)
    assert (first.wait(), second.wait()) == (0, 1), first.text() + second.text()
    assert second.event("failed")["reason"] == "ValueError: as it was asked to"

    board = Board(bench.tensorboard)
    asked = {"allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE"], "sliceSize": 9}
    wait_for(lambda: len(board.ask("session_groups", asked).get("sessionGroups", [])) == 2)
    groups = board.ask("session_groups", asked)["sessionGroups"]
    experiment = board.ask("experiment", {"experimentName": ""})
    infos = {info["name"]: info for info in experiment["hparamInfos"]}
    assert set(infos) == {"lr", "units", "note", "layers", "fail"}
    assert infos["lr"]["type"] == "DATA_TYPE_FLOAT64"
    assert infos["fail"]["type"] == "DATA_TYPE_BOOL"
    metrics = {(m["name"]["group"], m["name"]["tag"]) for m in experiment["metricInfos"]}
    assert {("train", "epoch_loss"), ("validation", "epoch_loss")} <= metrics

    shown = {group["name"]: group for group in groups}
    assert set(shown) == {"grid/lr=0.5-j1", "grid/lr=0.01-j2"}
    group = shown["grid/lr=0.5-j1"]
    assert group["hparams"] == {
        "lr": 0.5,
        "units": 8.0,
        "note": "x",
        "layers": "[1]",
        "fail": False,
    }
    (session,) = group["sessions"]
    assert session["status"] == "STATUS_SUCCESS"
    loss = first.events("epoch")[-1]["metrics"]["val_loss"]
    told = {m["name"].get("group"): m["value"] for m in session["metricValues"]}
    assert told["validation"] == pytest.approx(loss)
    assert shown["grid/lr=0.01-j2"]["sessions"][0]["status"] == "STATUS_FAILURE"


def test_a_job_without_tensorflow_imports_none_for_this(bench: Bench) -> None:
    code = "import sys\nprint(sorted(m for m in sys.modules if m.startswith('tensor')))"
    write_notebook(bench.source / "n.ipynb", code, parameters=PARAMETERS)
    worker = start(bench, "j1")
    assert worker.wait() == 0
    assert worker.text() == "[]\n"
    assert not bench.tensorboard.exists()
