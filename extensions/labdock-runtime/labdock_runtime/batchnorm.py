"""Averages BatchNormalization's moving statistics, which each replica gathers from its share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from labdock_runtime.callbacks import Callback


class Averaging(Callback):
    """Averages before validation, or at the epoch's end, before anything is saved."""

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy
        self._average: Callable[[], None] | None = None
        self._due = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """From here on the statistics of the replicas drift apart."""
        del epoch, logs
        self._due = True

    def on_test_begin(self, logs: Any = None) -> None:
        """Validate the model that all replicas share."""
        del logs
        self._average_once()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Begin the next epoch, and save this one, with the same statistics everywhere."""
        del epoch, logs
        self._average_once()

    def _average_once(self) -> None:
        if not self._due:
            return
        self._due = False
        if self._average is None:
            self._average = averaging(self._strategy, moving_statistics(self.model))
        self._average()


def moving_statistics(model: Any) -> list[Any]:
    """The variables of a model that hold moving means and variances."""
    found = []
    for layer in _layers(model):
        for name in ("moving_mean", "moving_variance"):
            variable = getattr(layer, name, None)
            if variable is not None and hasattr(variable, "assign"):
                in_keras_2 = callable(variable.value)
                found.append(variable if in_keras_2 else variable.value)
    return found


def _layers(model: Any) -> list[Any]:
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten(include_self=False, recursive=True)) if flatten else []


def averaging(strategy: Any, variables: list[Any]) -> Callable[[], None]:
    """What sets each variable, on every replica, to its mean over all of them: one reduction."""
    if not variables:
        return lambda: None
    tf = sys.modules["tensorflow"]
    sizes = [v.shape.num_elements() for v in variables]

    def packed() -> Any:
        return tf.concat([tf.reshape(tf.cast(v, tf.float32), [-1]) for v in variables], 0)

    compiled = tf.function(packed)

    def average() -> None:
        mean = strategy.reduce("MEAN", strategy.run(compiled), axis=None)
        for variable, part in zip(variables, tf.split(mean, sizes), strict=True):
            variable.assign(tf.cast(tf.reshape(part, variable.shape), variable.dtype))

    return average
