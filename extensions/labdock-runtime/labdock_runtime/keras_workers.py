"""Mends Keras 3 for MultiWorkerMirroredStrategy, on the version that this was tested with.

Two private functions of its trainer do not expect values that lie on several workers
(keras#20585): the one that builds a model from a first batch, and the one that reduces
what each replica computed. A third, of saving, makes an optimizer to look at it, and its
variable would wait for the workers that save nothing.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from labdock_runtime.failures import Refused
from labdock_runtime.outside import in_thread
from labdock_runtime.run import Run

TESTED_KERAS = "3.15.1"


def mend(keras: Any) -> None:
    """Make `fit`, `evaluate` and `predict` work on several workers, or refuse them."""
    if keras.__version__ != TESTED_KERAS:
        _refuse(keras)
        return
    from keras.src.backend.tensorflow import trainer
    from keras.src.saving import saving_lib

    trainer.TensorFlowTrainer._maybe_symbolic_build = _build_from_local_batch
    trainer.reduce_per_replica = _reducing(trainer.reduce_per_replica)
    saving_lib.get_attr_skipset = _once_outside_strategy(saving_lib.get_attr_skipset)


def build_undrawn() -> None:
    """Let a model under a strategy of its own be built as a gang's is, so that both shuffle alike.

    Keras would draw a first batch, and datasets that shuffle anew each time would be one ahead.
    """
    from keras.src.backend.tensorflow import trainer

    kind = trainer.TensorFlowTrainer
    original = kind._maybe_symbolic_build

    @functools.wraps(original)
    def build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        chosen = original if self._distribute_strategy is None else _build_from_local_batch
        chosen(self, iterator, data_batch)

    kind._maybe_symbolic_build = build


def build_before_restoring(run: Run) -> None:
    """Let a model without an input shape be built before a backup is loaded into it."""
    from keras.src.backend.tensorflow import trainer

    kind = trainer.TensorFlowTrainer
    original = kind._maybe_symbolic_build

    @functools.wraps(original)
    def build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        if run.restoring and not self.built:
            _build_from_local_batch(self, iterator, data_batch)
        else:
            original(self, iterator, data_batch)

    kind._maybe_symbolic_build = build


def _build_from_local_batch(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
    strategy = self.distribute_strategy
    if iterator is not None:
        data_batch = _described(iterator) or _drawn(iterator, strategy)
    try:
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)
    except Exception:
        if not _trains_in_its_own_way(self):
            raise


def _described(iterator: Any) -> Any:
    """What a worker's batches look like, or None where that is not known before one is drawn.

    A batch that is drawn is lost to training where a generator makes it, and with it those that
    were made ahead, on each worker another number of them.
    """
    from keras import tree

    described = iterator._distributed_dataset.element_spec
    local = tree.map_structure(lambda spec: getattr(spec, "_value_specs", [spec])[0], described)
    known = all(_has_known_shape(spec) for spec in tree.flatten(local))
    return local if known else None


def _has_known_shape(spec: Any) -> bool:
    """Whether all but the number of samples is known of a dense tensor."""
    import tensorflow as tf

    if not isinstance(spec, tf.TensorSpec) or not spec.shape.rank:
        return False
    return bool(spec.shape[1:].is_fully_defined())


def _drawn(iterator: Any, strategy: Any) -> Any:
    """A worker's share of the first batch."""
    from keras import tree

    for _, _, batches in iterator:
        return tree.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], next(batches)
        )
    return None


def _trains_in_its_own_way(model: Any) -> bool:
    """Whether its `train_step` may never call the model as `fit`'s data would have it."""
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

    return type(model).train_step is not TensorFlowTrainer.train_step


def _reducing(original: Any) -> Any:
    from keras import tree

    @functools.wraps(original)
    def reduce_per_replica(values: Any, strategy: Any, reduction: str) -> Any:
        if reduction not in ("auto", "mean", "first"):
            return original(values, strategy, reduction)
        parts = tree.flatten(values)
        if len(parts) > 1 and all(_is_number(part, strategy) for part in parts):
            return tree.pack_sequence_as(values, _mean_at_once(parts, strategy))
        return tree.map_structure(lambda v: strategy.reduce("MEAN", v, axis=None), values)

    return reduce_per_replica


def _is_number(value: Any, strategy: Any) -> bool:
    local = strategy.experimental_local_results(value)
    return all(getattr(x, "shape", None) == () and x.dtype == "float32" for x in local)


def _mean_at_once(values: list[Any], strategy: Any) -> list[Any]:
    """The mean of each number over all replicas, in one exchange between the workers."""
    tf = sys.modules["tensorflow"]
    rows = strategy.run(lambda *numbers: tf.stack(numbers), args=tuple(values))
    return list(tf.unstack(strategy.reduce("MEAN", rows, axis=None)))


def _once_outside_strategy(look: Any) -> Any:
    """A strategy holds in the thread that set it, so another thread is outside it."""

    @functools.cache
    def looked_at(kind: str) -> Any:
        return in_thread(lambda: look(kind))

    return looked_at


def _refuse(keras: Any) -> None:
    message = (
        f"Keras {keras.__version__} does not train on several workers. Use keras=="
        f"{TESTED_KERAS}, one worker, or a loop of your own with tf.distribute.get_strategy()."
    )

    def refuse(*arguments: Any, **options: Any) -> Any:
        del arguments, options
        raise Refused(message)

    for name in ("fit", "evaluate", "predict"):
        owner = next(kind for kind in keras.Model.__mro__ if name in vars(kind))
        setattr(owner, name, refuse)
