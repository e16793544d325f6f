"""TensorBoard's own writer and its own data route, without TensorFlow."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar import metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util


class Curve:
    """A run's scalar `loss`, written point by point."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder))

    def add(self, step: int, value: float) -> None:
        told = metadata.create_summary_metadata(display_name="", description="")
        tensor = tensor_util.make_tensor_proto(np.float32(value))
        summary = Summary(value=[Summary.Value(tag="loss", tensor=tensor, metadata=told)])
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()


def curve_route(run: str) -> str:
    return f"data/plugin/scalars/scalars?run={run}&tag=loss"
