"""Lets a training step that was written for one device run on a gang.

Such a step takes gradients outside of any replica, where the gang's variables have none. It is run
again as one that every worker takes with the whole batch: the same everywhere, and no faster.
"""

from __future__ import annotations

import functools
from typing import Any

from labdock_runtime.failures import Refused
from labdock_runtime.place import place
from labdock_runtime.run import Run

OUTSIDE = "handle is not available outside the replica context"
ADVICE = (
    "trains in a loop of its own, which does the same work on every worker and is no faster than "
    "on one. To share it, go over strategy.experimental_distribute_dataset(data) and call "
    "strategy.run(step, args=(batch,)), with strategy = tf.distribute.get_strategy()."
)
EAGER = (
    "A training loop without @tf.function runs on one worker only. Put the training step, from "
    "the GradientTape to apply_gradients, into a function under @tf.function, or use fit."
)


def run_whole_steps(run: Run, tf: Any) -> None:
    """Take a function of the person's that fails outside of a replica into one."""
    from tensorflow.python.eager.polymorphic_function import polymorphic_function

    kind = polymorphic_function.Function
    original = kind.__call__

    @functools.wraps(original)
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        whole = getattr(self, "_labdock_whole", None)
        if whole is None:
            try:
                return original(self, *arguments, **options)
            except ValueError as error:
                if OUTSIDE not in str(error) or not tf.distribute.in_cross_replica_context():
                    raise
            whole = self._labdock_whole = self._clone(_in_replica(run, self._python_function))
            if run.job.chief:
                run.events.warn(f"{place(run)} {ADVICE}")
        return original(whole, *arguments, **options)

    kind.__call__ = call
    tf.GradientTape.gradient = _or_refuse(tf, tf.GradientTape.gradient)


def _or_refuse(tf: Any, original: Any) -> Any:
    @functools.wraps(original)
    def gradient(self: Any, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        try:
            return original(self, *arguments, **options)
        except ValueError as error:
            if OUTSIDE in str(error) and tf.executing_eagerly():
                raise Refused(EAGER) from None
            raise

    return gradient


def _in_replica(run: Run, step: Any) -> Any:
    """The step in this worker's replica, with all of the data that it is called with."""

    @functools.wraps(step)
    def whole(*arguments: Any, **options: Any) -> Any:
        run.whole_steps += 1
        try:
            return run.strategy.run(step, args=arguments, kwargs=options)
        finally:
            run.whole_steps -= 1

    return whole
