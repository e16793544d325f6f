"""Goes on in the middle of an epoch: the batches that were trained on are read and not used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Resumption:
    """Stands in for a model's training step until training is where it was interrupted."""

    def __init__(self, model: Any, steps: int, restore: Callable[[], None]) -> None:
        self._model = model
        self._step = model.train_function
        self._left = steps
        self._restore: Callable[[], None] | None = restore

    def begin(self) -> None:
        """Take the place of the training step."""
        self._model.train_function = self

    def __call__(self, iterator: Any) -> Any:
        """Restore once everything is made, pass over what was done, then train."""
        if self._restore is not None:
            self._make_variables(iterator)
            self._restore()
            self._restore = None
        if self._left <= 0:
            self._model.train_function = self._step
            return self._step(iterator)
        for _ in range(self._model.steps_per_execution):
            next(iterator)
            self._left -= 1
        return {}

    def _make_variables(self, iterator: Any) -> None:
        """Trace a step, which makes its metrics and optimizers, and trains nothing."""
        model, tf = self._model, sys.modules["tensorflow"]

        def step(batches: Any) -> Any:
            return model.distribute_strategy.run(model.train_step, args=(next(batches),))

        with suppress(Exception):  # code that only runs eagerly
            tf.function(step, autograph=False).get_concrete_function(iterator)
