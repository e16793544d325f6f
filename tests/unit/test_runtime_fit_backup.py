"""Where `fit` goes on, with models as plain classes; Keras 2 is asked for it in its own way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labdock_runtime.backup import Backup
from labdock_runtime.job import Job
from labdock_runtime.legacybackup import LegacyBackup
from labdock_runtime.run import Run


class Variable:
    def __init__(self, value: float) -> None:
        self.value = np.full((2,), value, "float32")
        self.shape = self.value.shape

    def numpy(self) -> Any:
        return self.value

    def assign(self, value: Any) -> None:
        self.value = value


class Model:
    """As much of a model as a backup asks for."""

    optimizer = None
    metrics_variables: tuple[Variable, ...] = ()

    def __init__(self, value: float) -> None:
        self.variables = self.trainable_variables = [Variable(value)]
        self.history = SimpleNamespace(history={}, epoch=[])
        self.stop_training = False

    def fit(self) -> None:
        pass


def attempt(tmp_path: Path, number: int, rank: int = 0, workers: int = 1) -> Run:
    environment = {
        "LABDOCK_ENTRY": "train.py",
        "LABDOCK_FOLDER": str(tmp_path),
        "LABDOCK_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "LABDOCK_ATTEMPT": str(number),
        "LABDOCK_RANK": str(rank),
        "LABDOCK_WORKERS": str(workers),
    }
    run = Run(Job(environment))
    run.fits = 1
    return run


def trained(backup: Backup, model: Any, epochs: int) -> Backup:
    backup.set_params({"epochs": 5, "steps": 4})
    backup.set_model(model)
    backup.on_train_begin()
    for epoch in range(epochs):
        backup.on_epoch_begin(epoch)
        model.variables[0].assign(np.full((2,), epoch + 1, "float32"))
        backup.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
    return backup


@pytest.mark.parametrize("kind", [Backup, LegacyBackup])
def test_all_workers_go_on_from_the_epoch_after_the_last(tmp_path: Path, kind: type) -> None:
    trained(kind(attempt(tmp_path, 1)), Model(0.0), epochs=3)
    for rank in (0, 1):
        model: Any = Model(0.0)
        trained(kind(attempt(tmp_path, 2, rank, workers=2)), model, epochs=0)
        assert model.variables[0].value.tolist() == [3.0, 3.0]
        assert model.history.history == {"loss": [1.0, 0.5, pytest.approx(1 / 3)]}
        assert beginning(model) == 3


@pytest.mark.parametrize("kind", [Backup, LegacyBackup])
def test_a_fit_that_was_over_is_passed_over(tmp_path: Path, kind: type) -> None:
    model: Any = Model(0.0)
    trained(kind(attempt(tmp_path, 1)), model, epochs=2).on_train_end()
    again: Any = Model(0.0)
    trained(kind(attempt(tmp_path, 2)), again, epochs=0)
    assert beginning(again) == 5


def test_training_that_was_to_stop_is_over(tmp_path: Path) -> None:
    model: Any = Model(0.0)
    model.stop_training = True
    trained(Backup(attempt(tmp_path, 1)), model, epochs=2)
    again: Any = Model(0.0)
    trained(Backup(attempt(tmp_path, 2)), again, epochs=0)
    assert beginning(again) == 5


def test_the_backup_of_another_model_is_left_alone(tmp_path: Path) -> None:
    trained(Backup(attempt(tmp_path, 1)), Model(0.0), epochs=2)
    other: Any = Model(7.0)
    other.variables.append(Variable(7.0))
    trained(Backup(attempt(tmp_path, 2)), other, epochs=0)
    assert other.variables[0].value.tolist() == [7.0, 7.0]
    assert beginning(other) is None


def test_a_disk_that_is_full_costs_the_backup_and_not_the_training(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("no folder can be made here")
    trained(Backup(attempt(tmp_path, 1)), Model(0.0), epochs=2)


def beginning(model: Any) -> int | None:
    """The epoch at which Keras 3, or Keras 2, is told to begin."""
    asked = getattr(model, "_training_state", None)
    if asked is not None:
        epoch, step = asked.maybe_load_initial_counters_from_ckpt(4, 0)
        assert step == 0
        return int(epoch)
    return getattr(model, "_initial_epoch", None)
