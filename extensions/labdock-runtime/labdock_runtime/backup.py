"""Backups of training, so that the next attempt goes on where this one ended.

The chief saves and every worker loads. Each call of `fit` has a backup of its own, kept until
the job ends: an attempt that begins again passes over the calls that were finished.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from labdock_runtime.callbacks import Callback
from labdock_runtime.failures import STOPPED
from labdock_runtime.run import Run

SHARE = 0.01
"""The part of training time that saving may take."""


class Backup(Callback):
    """Restores training when it begins, and saves it at the ends of epochs."""

    def __init__(self, run: Run, *, every_epoch: bool) -> None:
        self._run = run
        self._folder = Path(run.job.checkpoints) / f"fit-{run.fits}"
        self._every_epoch = every_epoch
        self._epoch = 0
        self._saved_at = float("-inf")
        self._took = 0.0
        self._epochs: list[int] = []
        self._history: dict[str, list[float]] = {}
        run.restoring = read(self._folder) is not None

    def on_train_begin(self, logs: Any = None) -> None:
        """Load the last backup of this call of `fit`, where there is one."""
        del logs
        found = read(self._folder)
        if found is None:
            return
        if found["shapes"] != shapes(self.model):
            self._run.events.warn(
                f"Training call {self._run.fits} begins anew: its backup is of another model."
            )
            return
        self._load(found)

    def _load(self, found: dict[str, Any]) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self.model.load_weights(str(self._folder / found["weights"]))
        done = bool(found["done"])
        self._epoch = self.params["epochs"] if done else found["epoch"]
        self.model._initial_epoch = self._epoch
        self._epochs, self._history = found["epochs"], found["history"]
        self.model.history.history.update({k: list(v) for k, v in self._history.items()})
        self._run.metrics = {k: v[-1] for k, v in self._history.items() if v}
        if not done:
            print(f"Training goes on from epoch {self._epoch + 1}, as it was saved.", flush=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which epoch an interrupted run has to begin again."""
        del logs
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Between two steps, do what SIGTERM asked for.

        The other workers go on until the chief has gone, so that it is not held up in a step.
        """
        del batch, logs
        if self._run.stopping and self._run.job.chief:
            self._save(done=False)
            self._run.leave(STOPPED)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save, unless the last backup is so fresh that this would slow training."""
        self._epoch = epoch + 1
        self._epochs.append(epoch)
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        last = self._epoch >= self.params["epochs"]
        fresh = time.monotonic() - self._saved_at < self._took / SHARE
        if self._run.job.chief and not last and (self._every_epoch or not fresh):
            self._save(done=False)

    def on_train_end(self, logs: Any = None) -> None:
        """Save the end, so that another attempt passes over this call of `fit`."""
        del logs
        self.model._initial_epoch = None
        self.model.history.epoch = list(self._epochs)
        if self._run.job.chief:
            self._save(done=True)

    def _save(self, *, done: bool) -> None:
        began = time.monotonic()
        about = {
            "epoch": self._epoch,
            "done": done,
            "shapes": shapes(self.model),
            "epochs": self._epochs,
            "history": self._history,
        }
        write(self._folder, self.model, about)
        self._saved_at = time.monotonic()
        self._took = self._saved_at - began


def shapes(model: Any) -> list[list[int | None]]:
    """The shapes of a model's weights, by which a backup of another model is told."""
    return [list(weight.shape) for weight in model.weights]


def read(folder: Path) -> dict[str, Any] | None:
    """What the last whole backup in a folder says of itself."""
    try:
        found: dict[str, Any] = json.loads((folder / "backup.json").read_text())
    except (OSError, ValueError):
        return None
    return found if (folder / found["weights"]).is_file() else None


def write(folder: Path, model: Any, about: dict[str, Any]) -> None:
    """Save weights and optimizer; a backup counts only when it is there as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{time.time_ns()}.weights.h5"
    model.save_weights(str(weights))
    note = folder / "backup.json.new"
    note.write_text(json.dumps({**about, "weights": weights.name}))
    note.replace(folder / "backup.json")
    for other in folder.glob("*.weights.h5"):
        if other != weights:
            other.unlink(missing_ok=True)


def remove_all(folder: str) -> None:
    """Delete a job's backups."""
    import shutil

    for path in Path(folder).glob("fit-*"):
        shutil.rmtree(path, ignore_errors=True)
