"""`labdock.checkpoint`: a loop of one's own that goes on where an attempt was cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from labdock_runtime import state
from labdock_runtime.failures import STOPPED, Refused
from labdock_runtime.keeper import Keeper
from labdock_runtime.run import Run

T = TypeVar("T")


def checkpoint(items: Iterable[T], *objects: Any, every: int = 1) -> Iterator[T]:
    """Go through the items that are left, and keep the objects' state after every few of them."""
    run = Run.current
    if run is None or not run.job.checkpoints or not run.job.does("backup"):
        return iter(items)
    return _Loop(run, objects, every).through(items)


class _Loop:
    """One loop of a run, known by its number."""

    def __init__(self, run: Run, objects: tuple[Any, ...], every: int) -> None:
        run.loops += 1
        self._run = run
        self._objects = objects
        self._every = every
        self._keeper = Keeper(run, f"loop-{run.loops}")
        try:
            state.groups_of(objects)
        except state.Unknown as error:
            raise Refused(
                "labdock.checkpoint keeps Keras models, optimizers, metrics and tf.Variables; "
                f"{error} is none."
            ) from None

    def through(self, items: Iterable[T]) -> Iterator[T]:
        """The items, but for those that an older attempt was done with."""
        done, over = self._restore()
        if over:
            return
        left = iter(items)
        for _ in range(done):
            next(left, None)
        self._run.looping += 1
        try:
            yield from self._go_through(left, done)
        finally:
            self._run.looping -= 1

    def _go_through(self, left: Iterator[T], done: int) -> Iterator[T]:
        """The items, saved every few: by all workers after the same ones.

        Of a SIGTERM each worker hears at another time, so that a gang saves nothing more for it.
        """
        saved = done
        for item in left:
            yield item
            done += 1
            last = self._run.stopping and self._run.job.workers == 1
            if done - saved >= self._every or last:
                self._save(done)
                saved = done
            if self._run.stopping and self._run.job.chief:
                self._run.leave(STOPPED)
        self._save(done, over=True)

    def _restore(self) -> tuple[int, bool]:
        """How many items are done, and whether that is all."""
        found = self._keeper.found
        if found is None:
            return 0, False
        state.build_optimizers(self._objects)
        arrays = found.read()
        groups = state.groups_of(self._objects)
        if {k: state.shapes(v) for k, v in groups.items()} != {
            name: [list(array.shape) for array in group] for name, group in arrays.items()
        }:
            self._run.events.warn(
                f"Loop {self._run.loops} begins anew: call its models on a batch before "
                "labdock.checkpoint, or give them an Input, so that they can be restored."
            )
            return 0, False
        self._keeper.take_over()
        state.restore(groups, arrays)
        self._run.fits, self._run.loops = found.about["fits"], found.about["loops"]
        print(f"The loop goes on after item {found.about['done']}.", flush=True)
        return found.about["done"], found.about["over"]

    def _save(self, done: int, *, over: bool = False) -> None:
        arrays = state.values(state.groups_of(self._objects))
        self._keeper.save({"done": done, "over": over}, arrays)
