"""Gives every replica its share of each batch, in the batch's order.

TensorFlow hands the samples of a short last batch to the first replica alone; the mean of an empty
share is no number, and BatchNormalization keeps it. Files it hands out whole, so that a batch is no
longer the batch that the person wrote. Here every worker reads the same batches and takes its part.
"""

from __future__ import annotations

from typing import Any

from labdock_runtime.run import Run


def share_batches(run: Run, tf: Any) -> None:
    """Let the job's strategy distribute datasets in this way, where it can."""
    strategy = run.strategy
    original = strategy.experimental_distribute_dataset

    def distribute(dataset: Any, options: Any = None) -> Any:
        whole, run.training_data = run.training_data, False
        if not _can_share(tf, dataset):
            return original(dataset, options)
        return strategy.distribute_datasets_from_function(
            lambda context: _of_worker(tf, dataset, context, whole), options
        )

    strategy.experimental_distribute_dataset = distribute


def _can_share(tf: Any, dataset: Any) -> bool:
    """Whether its elements are batches of dense tensors, and nobody chose another way."""
    policies = tf.data.experimental.AutoShardPolicy
    chosen = dataset.options().experimental_distribute.auto_shard_policy
    if chosen not in (policies.AUTO, policies.DATA):
        return False
    specs = tf.nest.flatten(dataset.element_spec)
    return all(isinstance(spec, tf.TensorSpec) and spec.shape.rank != 0 for spec in specs)


def _of_worker(tf: Any, dataset: Any, context: Any, whole: bool) -> Any:
    """What a worker's replicas take in turn: of each batch the share of the first, the next..."""
    total = context.num_replicas_in_sync
    count = total // context.num_input_pipelines
    first = count * context.input_pipeline_id
    packed = dataset.map(lambda *batch: (batch,))

    def shares(batch: Any) -> Any:
        replicas = tf.data.Dataset.range(first, first + count)
        return replicas.map(lambda replica: _part(tf, batch, replica, total, whole))

    shared = packed.flat_map(shares)
    if not isinstance(dataset.element_spec, tuple):
        shared = shared.map(lambda value: value)
    return shared.prefetch(tf.data.AUTOTUNE)


def _part(tf: Any, batch: Any, replica: Any, total: int, whole: bool) -> Any:
    """A replica's share of a batch, at least one sample where the batch counts as `whole`."""
    size = tf.shape(tf.nest.flatten(batch)[0], out_type=tf.int64)[0]
    low, high = size * replica // total, size * (replica + 1) // total
    if whole:
        low = tf.minimum(low, size - 1)
        high = tf.maximum(high, low + 1)
    return tf.nest.map_structure(lambda value: value[low:high], batch)
