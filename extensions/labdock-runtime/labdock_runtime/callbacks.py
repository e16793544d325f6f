"""What `fit` tells us: progress, curves, and the moment to stop.

The classes here follow the protocol of Keras callbacks without a base class of Keras, so that
one definition serves Keras 3 and Keras 2 and nothing is imported before the person imports it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labdock_runtime.curvefiles import mark_start
from labdock_runtime.events import numbers
from labdock_runtime.progress import Clock
from labdock_runtime.run import Run

HOOKS = [f"on_{when}" for when in ("batch_begin", "batch_end", "epoch_begin", "epoch_end")] + [
    f"on_{what}_{when}"
    for what in ("train", "test", "predict")
    for when in ("begin", "end", "batch_begin", "batch_end")
]

DISK_FULL = "ResourceExhaustedError"
"""TensorFlow's name for it, which is not imported here."""


class Callback:
    """The protocol of a Keras callback; every hook does nothing."""

    async_safe = True
    _supports_tf_logs = True
    model: Any = None
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Take the model that is trained."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take what `fit` was called with."""
        self.params = params

    def _implements_train_batch_hooks(self) -> bool:
        return any(not hasattr(getattr(self, f"on_train_batch_{x}"), "_is_default")
                   for x in ("begin", "end"))  # fmt: skip

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False


def _nothing(*arguments: Any, **options: Any) -> None:
    del arguments, options


_nothing._is_default = True  # type: ignore[attr-defined]
for _hook in HOOKS:
    setattr(Callback, _hook, _nothing)


class Observer(Callback):
    """Writes progress twice a second at most, and an event for each epoch."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._epoch = 0
        self._clock = Clock()
        self._warned = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock that the time left is told by."""
        del logs
        self._clock = Clock()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch, counted from 1 as people see it."""
        del logs
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write progress where the last is half a second old."""
        if self._clock.due(time.monotonic()):
            self._progress(batch + 1, numbers(logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the epoch's metrics, and its progress in any case."""
        metrics = numbers(logs)
        self._run.metrics = metrics
        self._warn_of_lost_numbers(logs, epoch + 1)
        self._progress(self.params.get("steps"), metrics)
        self._run.events.emit("epoch", fit=self._run.fits, epoch=epoch + 1, metrics=metrics)

    def _warn_of_lost_numbers(self, logs: Any, epoch: int) -> None:
        lost = sorted(set(logs or {}) - set(self._run.metrics))
        if lost and not self._warned:
            self._warned = True
            names = " and ".join(lost)
            self._run.events.warn(f"{names} stopped being a finite number in epoch {epoch}.")

    def _progress(self, step: int | None, metrics: dict[str, float]) -> None:
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        left = self._clock.seconds_left(time.monotonic(), self._epoch, epochs, step, steps)
        self._run.events.emit(
            "progress", epoch=self._epoch, epochs=epochs, step=step, steps=steps,
            metrics=metrics, seconds_left=left,
        )  # fmt: skip


@contextmanager
def space_for_points() -> Iterator[None]:
    """On a full disk points of curves are lost, which the log says, and training goes on."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != DISK_FULL:
            raise
        print("labdock: the disk is full, and points of the curves are lost.", file=sys.stderr)


class Curves(Callback):
    """Writes each epoch's metrics for TensorBoard, as Keras names them, and flushes them."""

    def __init__(self, tf: Any, folder: str) -> None:
        self._tf = tf
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a point to each curve, visible at once."""
        found = numbers(logs)
        optimizer = getattr(self.model, "optimizer", None)
        rate = getattr(optimizer, "learning_rate", None)
        found.update(numbers({"learning_rate": rate}) if rate is not None else {})
        with space_for_points():
            self._write(epoch, found)

    def _write(self, epoch: int, found: dict[str, float]) -> None:
        for name, value in found.items():
            part = "validation" if name.startswith("val_") else "train"
            with self._writer(part, epoch).as_default(step=epoch):
                self._tf.summary.scalar("epoch_" + name.removeprefix("val_"), value)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the files."""
        del logs
        for writer in self._writers.values():
            writer.close()

    def _writer(self, part: str, epoch: int) -> Any:
        if part not in self._writers:
            writer = self._tf.summary.create_file_writer(f"{self._folder}/{part}")
            mark_start(self._tf, writer, epoch)
            self._writers[part] = writer
        return self._writers[part]


class Flush(Callback):
    """Makes the points of a person's own TensorBoard callback visible at each epoch's end."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Flush what that callback has written."""
        del epoch, logs
        with space_for_points():
            for writer in getattr(self._own, "_writers", {}).values():
                writer.flush()
