"""A loop of one's own that goes on where a job was cut off."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from labdock.errors import Mistake

T = TypeVar("T")


def checkpoint(items: Iterable[T], *objects: Any, every: int = 1) -> Iterator[T]:
    """Go through `items`, and keep the state of models, optimizers and variables in a job.

        for step in labdock.checkpoint(range(1000), model, optimizer, every=100):
            train_step(next(batches))

    A worker that dies costs at most `every` items: the next attempt has the objects as they
    were, and passes over the items that were done. Put an optimizer behind its model. Give each
    model an `Input`, or call it once before. With several workers the first saves, and all load.
    Outside a job it only goes through the items.
    """
    if every < 1:
        raise Mistake("labdock.checkpoint keeps the state after `every` items: 1 at least.")
    if not objects:
        raise Mistake(
            "labdock.checkpoint needs what it is to keep: "
            "labdock.checkpoint(range(1000), model, optimizer)."
        )
    if "LABDOCK_JOB" in os.environ:
        return _in_job(items, objects, every)
    return iter(items)


def _in_job(items: Iterable[T], objects: tuple[Any, ...], every: int) -> Iterator[T]:
    """By the runtime, which is there in a job only, and is no part of this package."""
    runtime = importlib.import_module("labdock_runtime")
    left: Iterator[T] = runtime.checkpoint(items, *objects, every=every)
    return left
