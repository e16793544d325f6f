"""Where the job's callbacks go among a person's, with Keras as plain classes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labdock_runtime import keras_workers, training
from labdock_runtime.failures import Refused
from labdock_runtime.job import Job
from labdock_runtime.run import Run


class TensorBoard:
    log_dir: str = "logs/mine"


class BackupAndRestore:
    pass


class CallbackList:
    def __init__(self, callbacks: list[Any]) -> None:
        self.callbacks = callbacks


class OwnList(CallbackList):
    pass


class Model:
    def fit(self, x: Any = None, y: Any = None, callbacks: Any = None) -> Any:
        return (x, y, callbacks)[2]

    def evaluate(self) -> None:
        pass

    def predict(self) -> None:
        pass


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace())
    kinds = {"TensorBoard": TensorBoard, "BackupAndRestore": BackupAndRestore}
    callbacks = SimpleNamespace(CallbackList=CallbackList, **kinds)
    model = type("Model", (), dict(vars(Model)))
    return SimpleNamespace(__name__="keras", __version__="3.0.0", callbacks=callbacks, Model=model)


def run(tmp_path: Path, **environment: str) -> Run:
    given = {"LABDOCK_TENSORBOARD": "/tb", "LABDOCK_CHECKPOINTS": str(tmp_path), **environment}
    return Run(Job({"LABDOCK_ENTRY": "train.py", "LABDOCK_FOLDER": str(Path.cwd()), **given}))


def kinds(callbacks: list[Any]) -> list[str]:
    return [type(callback).__name__ for callback in callbacks]


@pytest.mark.parametrize("given", [None, [], ()])
def test_callbacks_are_added(tmp_path: Path, keras: Any, given: Any) -> None:
    training._wrap_fit(run(tmp_path), keras, keras.Model)
    kept = keras.Model().fit(1, 2, given)
    assert [kind for kind in kinds(kept) if kind != "Curves"] == ["Backup", "Observer"]


def test_nothing_is_there_twice(tmp_path: Path, keras: Any) -> None:
    training._wrap_fit(run(tmp_path), keras, keras.Model)
    board = TensorBoard()
    added = keras.Model().fit(callbacks=[board, BackupAndRestore()])
    assert kinds(added) == ["TensorBoard", "Flush", "Backup", "Observer"]
    assert board.log_dir == "/tb/logs/mine"


def test_a_callback_list_gets_them_too(tmp_path: Path, keras: Any) -> None:
    """Keras makes a list of its own of them, with the model and the parameters of this `fit`."""
    training._wrap_fit(run(tmp_path), keras, keras.Model)
    given = CallbackList([TensorBoard(), BackupAndRestore()])
    for _ in range(2):
        added = keras.Model().fit(callbacks=given)
        assert kinds(added) == ["TensorBoard", "Flush", "Backup", "Observer"]
    assert kinds(given.callbacks) == ["TensorBoard", "BackupAndRestore"]


def test_a_callback_list_of_its_own_kind_is_left_and_said_so(tmp_path: Path, keras: Any) -> None:
    told = tmp_path / "events.jsonl"
    training._wrap_fit(run(tmp_path, LABDOCK_EVENTS=str(told)), keras, keras.Model)
    own = OwnList([])
    assert keras.Model().fit(callbacks=own) is own
    assert "Give `fit` a plain list." in told.read_text()


def test_other_workers_only_restore(tmp_path: Path, keras: Any) -> None:
    training._wrap_fit(run(tmp_path, LABDOCK_RANK="1"), keras, keras.Model)
    assert kinds(keras.Model().fit(callbacks=[])) == ["Backup"]


def test_parts_can_be_switched_off(tmp_path: Path, keras: Any) -> None:
    training._wrap_fit(run(tmp_path, LABDOCK_DISABLE="callbacks,backup"), keras, keras.Model)
    own = BackupAndRestore()
    assert keras.Model().fit(callbacks=own) == [own]


@pytest.mark.parametrize(
    ("log_dir", "place"),
    [("logs", "/tb/logs"), ("/elsewhere/runs/7", "/tb/7"), ("../up", "/tb/up")],
)
def test_a_persons_log_folder_lies_in_the_jobs(tmp_path: Path, log_dir: str, place: str) -> None:
    assert training._in_job(run(tmp_path), log_dir) == place


def test_another_keras_is_refused_on_several_workers(keras: Any) -> None:
    keras_workers.mend(keras)
    for call in (keras.Model().fit, keras.Model().evaluate, keras.Model().predict):
        with pytest.raises(Refused, match=r"Keras 3\.0\.0 does not train on several workers"):
            call()


def test_another_backend_is_refused_on_several_workers(tmp_path: Path, keras: Any) -> None:
    keras.config = SimpleNamespace(backend=lambda: "jax")
    training.after_keras(run(tmp_path), keras)
    with pytest.raises(Refused, match="TensorFlow backend"):
        training.after_keras(run(tmp_path, LABDOCK_WORKERS="2"), keras)
