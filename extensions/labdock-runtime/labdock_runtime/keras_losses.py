"""Losses and gradients of Keras 3 on several replicas, whoever writes them.

Keras divides its own losses by the number of replicas and adds the gradients up. A loss that a
person's `train_step` averages itself is not divided, and one that Keras divided is shown so. In the
steps of `fit` and `evaluate` nothing is divided here, and the gradients are averaged instead.
"""

from __future__ import annotations

import functools
from typing import Any

from labdock_runtime.run import Run

DIVIDED = "_labdock_divided"


def mend_losses(run: Run, tf: Any) -> None:
    """Average in Keras's own steps; a loop with `strategy.run` has its losses as Keras does."""
    from keras.src.backend.tensorflow.optimizer import TFOptimizer
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
    from keras.src.losses import loss
    from keras.src.optimizers.loss_scale_optimizer import LossScaleOptimizer

    loss.scale_loss_for_distribution = _outside(run, tf, loss.scale_loss_for_distribution)
    loss.unscale_loss_for_distribution = _outside(run, tf, loss.unscale_loss_for_distribution)
    tf.nn.compute_average_loss = _noting(tf, tf.nn.compute_average_loss)
    reduce = TFOptimizer._all_reduce_sum_gradients
    TFOptimizer._all_reduce_sum_gradients = _averaging(run, tf, reduce)
    TensorFlowTrainer._make_function = _counting(run, TensorFlowTrainer._make_function)
    LossScaleOptimizer.check_finite = _everywhere(tf, LossScaleOptimizer.check_finite)


def _outside(run: Run, tf: Any, original: Any) -> Any:
    @functools.wraps(original)
    def scale(value: Any) -> Any:
        averaged = run.keras_steps or run.whole_steps or tf.distribute.in_cross_replica_context()
        return value if averaged else original(value)

    return scale


def _counting(run: Run, original: Any) -> Any:
    """Know while a step of `fit` or `evaluate` is traced."""

    @functools.wraps(original)
    def make_function(self: Any, step: Any) -> Any:
        @functools.wraps(step)
        def counted(*arguments: Any) -> Any:
            __tracebackhide__ = True
            run.keras_steps += 1
            try:
                return step(*arguments)
            finally:
                run.keras_steps -= 1

        return original(self, counted)

    return make_function


def _noting(tf: Any, original: Any) -> Any:
    """This one divides by the whole batch, so that the gradients are to be added up."""

    @functools.wraps(original)
    def average(*arguments: Any, **options: Any) -> Any:
        setattr(tf.compat.v1.get_default_graph(), DIVIDED, True)
        return original(*arguments, **options)

    return average


def _averaging(run: Run, tf: Any, original: Any) -> Any:
    @functools.wraps(original)
    def all_reduce(self: Any, grads_and_vars: Any) -> Any:
        reduced = original(self, grads_and_vars)
        averaged = run.whole_steps or (run.keras_steps and not _is_divided(tf))
        if tf.distribute.in_cross_replica_context() or not averaged:
            return reduced
        share = 1 / tf.distribute.get_strategy().num_replicas_in_sync
        return [(None if g is None else tf.math.scalar_mul(share, g), v) for g, v in reduced]

    return all_reduce


def _is_divided(tf: Any) -> bool:
    """Whether a loss of the step that is traced now was divided."""
    graph = tf.compat.v1.get_default_graph()
    while graph is not None and not hasattr(graph, DIVIDED):
        graph = getattr(graph, "outer_graph", None)
    return graph is not None


def _everywhere(tf: Any, original: Any) -> Any:
    """Gradients count as finite where they are on all replicas, so that all take the step."""

    @functools.wraps(original)
    def check_finite(self: Any, grads: Any) -> Any:
        finite = original(self, grads)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return finite
        faults = context.all_reduce("SUM", tf.cast(tf.logical_not(finite), tf.float32))
        return tf.equal(faults, 0.0)

    return check_finite
