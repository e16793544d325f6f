"""Sees to it that the workers of a gang train on the same data, and end with the same weights."""

from __future__ import annotations

import sys
import zlib
from typing import Any

from labdock_runtime.failures import Refused
from labdock_runtime.memory import weights_digest
from labdock_runtime.place import place
from labdock_runtime.run import Run

SAMPLE = 65536
"""How many numbers of an array are looked at."""


def check_data(run: Run, data: Any) -> None:
    """Refuse arrays of different sizes, which would never end, and warn of different ones."""
    arrays = _arrays(data)
    shapes = _told(run, zlib.crc32(repr([array.shape for array in arrays]).encode()))
    if len(set(shapes)) > 1:
        raise Refused(
            f"The workers would train on different amounts of data ({_who(shapes)}). Choose it "
            "with a seed that is written down, such as numpy.random.default_rng(1)."
        )
    values = _told(run, zlib.crc32(b"".join(_sample(array) for array in arrays)))
    if len(set(values)) > 1 and run.job.chief:
        run.events.warn(
            f"{place(run)} trains on data that differs between the workers ({_who(values)}). "
            "Make or shuffle it with a seed that is written down."
        )


def check_weights(run: Run, model: Any) -> None:
    """Note the weights' digest, and warn where the workers ended with different ones."""
    digest = weights_digest(model)[:12]
    run.events.emit("fit", fit=run.fits, weights=digest)
    told = _told(run, int(digest, 16))
    if len(set(told)) > 1 and run.job.chief:
        run.events.warn(
            f"{place(run)} ended with weights that differ between the workers ({_who(told)}): "
            "the saved model is the chief's. Something in the code gives each of them another "
            "value, as the time or an unseeded generator does."
        )


def _arrays(data: Any) -> list[Any]:
    """The arrays in what was given to `fit`, in order; data of other kinds cannot be looked at."""
    if isinstance(data, dict):
        return [array for name in sorted(data) for array in _arrays(data[name])]
    if isinstance(data, list | tuple):
        return [array for value in data for array in _arrays(value)]
    return [data] if type(data).__module__ == "numpy" and hasattr(data, "reshape") else []


def _sample(array: Any) -> bytes:
    step = max(1, array.size // SAMPLE)
    sample = array.reshape(-1)[::step]
    return repr(sample.tolist()).encode() if array.dtype == object else bytes(sample.tobytes())


def _told(run: Run, number: int) -> list[int]:
    """The number that each worker tells, by rank."""
    tf, strategy = sys.modules["tensorflow"], run.strategy
    workers = range(run.job.workers)
    own = tf.constant([number if rank == run.job.rank else 0 for rank in workers], tf.int64)
    told = strategy.experimental_distribute_values_from_function(lambda _: own)
    total = strategy.reduce("SUM", told, axis=None)
    replicas = strategy.num_replicas_in_sync // run.job.workers
    return [int(number) // replicas for number in total.numpy()]


def _who(told: list[int]) -> str:
    """Which workers told something else than the chief."""
    ranks = [str(rank) for rank, number in enumerate(told) if number != told[0]]
    noun = "worker" if len(ranks) == 1 else "workers"
    return f"{noun} {' and '.join(ranks)} from the chief"
