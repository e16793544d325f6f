"""Backups of Keras 2's `fit`: as Keras 3's, at the ends of epochs."""

from __future__ import annotations

from typing import Any

from labdock_runtime import state
from labdock_runtime.backup import Backup
from labdock_runtime.failures import STOPPED


class LegacyBackup(Backup):
    """What lies on all workers of a gang is read by all of them, though the chief alone saves."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Between two steps, do what SIGTERM asked for."""
        del batch, logs
        if self._run.stopping and self._run.job.chief:
            self._run.leave(STOPPED)

    def _begin_with(self, epoch: int | None) -> None:
        self.model._training_state = None if epoch is None else _Beginning(epoch)

    def _variables(self, *, with_metrics: bool) -> state.Variables:
        del with_metrics
        return state.groups_of([self.model])

    def _reads(self, *, with_metrics: bool) -> bool:
        del with_metrics
        return True


class _Beginning:
    """Stands in for what Keras 2 asks where to begin."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def maybe_load_initial_counters_from_ckpt(
        self, *arguments: Any, **options: Any
    ) -> tuple[int, int]:
        """The epoch, and the step in it."""
        del arguments, options
        return self._epoch, 0
