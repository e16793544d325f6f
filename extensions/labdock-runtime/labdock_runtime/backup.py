"""Backups of `fit`, so that the next attempt goes on where this one ended.

The chief saves and every worker loads. Each call of `fit` has backups of its own, kept until
the job ends: an attempt that begins again passes over the calls that were finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labdock_runtime import callbackstate, state
from labdock_runtime.backupfile import Found, Groups
from labdock_runtime.callbacks import Callback
from labdock_runtime.failures import STOPPED
from labdock_runtime.keeper import Keeper
from labdock_runtime.resumption import Resumption
from labdock_runtime.run import Run

METRICS = "metrics"


class Backup(Callback):
    """Restores training when it begins, and saves it at the end of each epoch.

    `every` is a number of steps after which it is saved between them, too.
    """

    def __init__(self, run: Run, own: Sequence[Any] = (), every: int = 0) -> None:
        self._run = run
        self._own = own
        self._every = every
        self._keeper = Keeper(run, f"fit-{run.fits}")
        self._epoch = 0
        self._begun_at = 0
        self._saved_at = 0
        self._batches = 0
        self._epochs: list[int] = []
        self._history: dict[str, list[float]] = {}
        self._late: Groups = {}
        run.restoring = self._keeper.found is not None

    def on_train_begin(self, logs: Any = None) -> None:
        """Load the last backup of this call of `fit`, where there is one."""
        del logs
        found = self._keeper.found
        if found is None:
            return
        if found.about["shapes"] != state.shapes(self.model.variables):
            self._run.events.warn(
                f"Training call {self._run.fits} begins anew: its backup is of another model, or "
                "this one is not built yet. Give it an Input."
            )
            return
        self._keeper.take_over()
        self._load(found)
        self._tell()

    def _load(self, found: Found) -> None:
        about, arrays = found.about, found.read()
        state.build_optimizers([self.model])
        left = state.restore(state.groups_of([self.model]), _without_extras(arrays))
        callbackstate.restore(self._own, about["callbacks"], arrays)
        self._begun_at = about["step"]
        self._late = {name: arrays[name] for name in (*left, METRICS) if name in arrays}
        self._epoch = self.params["epochs"] if about["over"] else about["epoch"]
        self._begin_with(self._epoch)
        self._epochs, self._history = about["epochs"], about["history"]
        self.model.history.history.update({k: list(v) for k, v in self._history.items()})
        self._run.metrics = {k: v[-1] for k, v in self._history.items() if v}

    def _tell(self) -> None:
        """Say where training goes on, and the last epoch's result: it may not have been told."""
        if self._epochs and self._run.job.chief:
            metrics = {k: v for k, v in self._run.metrics.items() if v == v}
            epoch = self._epochs[-1] + 1
            self._run.events.emit("epoch", epoch=epoch, fit=self._run.fits, metrics=metrics)
        if self._epoch < self.params["epochs"]:
            step = f" after step {self._begun_at}" if self._begun_at else ""
            print(f"Training goes on in epoch {self._epoch + 1}{step}.", flush=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Pass over the batches of an interrupted epoch that were trained on."""
        del logs
        self._epoch, self._saved_at, self._batches = epoch, self._begun_at, 0
        if self._begun_at or self._late:
            Resumption(self.model, self._begun_at, self._load_late).begin()

    def _load_late(self) -> None:
        """Load what is made in the first step only: metrics, and optimizers of one's own."""
        groups = self._variables(with_metrics=True)
        if [name for name in state.restore(groups, self._late) if name != METRICS]:
            self._run.events.warn("The state of an optimizer could not be restored.")
        self._late = {}

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Between two steps, save where it is time to, or do what SIGTERM asked for.

        At SIGTERM the other workers go on until the chief has gone, so that it is not held up
        in a step. What metrics counted is then left out: it lies on all of them.
        """
        del logs
        self._batches += 1
        if batch < self._begun_at:
            return
        if self._run.stopping and self._run.job.chief:
            if batch > self._saved_at:
                self._save(step=batch, with_metrics=self._run.job.workers == 1)
            self._run.leave(STOPPED)
        if self._every and batch - self._saved_at >= self._every:
            self._saved_at = batch
            self._save(step=batch, with_metrics=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the end of an epoch, before it is told."""
        self._epoch, self._begun_at = epoch + 1, 0
        self._epochs.append(epoch)
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        self._save()

    def on_train_end(self, logs: Any = None) -> None:
        """Save the end, so that another attempt passes over this call of `fit`."""
        del logs
        self._begin_with(None)
        self.model.history.epoch = list(self._epochs)
        self._save(over=True)

    def _save(self, *, step: int = 0, over: bool = False, with_metrics: bool = False) -> None:
        if not self._reads(with_metrics=with_metrics):
            return
        about = {
            "epoch": self._epoch,
            "step": step,
            "over": over or bool(self.model.stop_training),
            "shapes": state.shapes(self.model.variables),
            "epochs": self._epochs,
            "history": self._history,
            "callbacks": callbackstate.counts(self._own, self._batches if step else 0),
        }
        arrays = state.values(self._variables(with_metrics=with_metrics))
        self._keeper.save(about, {**arrays, **callbackstate.best_weights(self._own)})

    def _begin_with(self, epoch: int | None) -> None:
        self.model._initial_epoch = epoch

    def _reads(self, *, with_metrics: bool) -> bool:
        """Whether this worker has to ask for the values that the chief saves."""
        return self._run.job.chief or with_metrics

    def _variables(self, *, with_metrics: bool) -> state.Variables:
        groups = state.groups_of([self.model])
        return {**groups, METRICS: list(self.model.metrics_variables)} if with_metrics else groups


def _without_extras(arrays: Groups) -> Groups:
    """The groups of the model and its optimizers."""
    return {name: group for name, group in arrays.items() if name[0].isdecimal()}
