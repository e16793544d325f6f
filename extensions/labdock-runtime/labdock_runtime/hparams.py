"""The values that a job runs with, for TensorBoard's HParams tab, and how the job ended.

TensorBoard's own package writes them. It is not imported before TensorFlow, which it imports.
Each attempt has a file of its own beside the curves, in place of the attempt's before.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labdock_runtime.run import Run

FILE_VERSION = "brain.Event:2"


def begin(run: Run) -> None:
    """Write the values, once for each attempt."""
    if _has_place(run) and not _file(run).exists():
        _try(run, _begin)


def end(run: Run, *, succeeded: bool) -> None:
    """Write how the attempt ended, where that is the end of its job."""
    begin(run)
    if _has_place(run) and _file(run).exists():
        _try(run, _succeed if succeeded else _fail)


def _has_place(run: Run) -> bool:
    job = run.job
    wanted = job.chief and job.tensorboard and job.hyperparameters and job.does("callbacks")
    return bool(wanted) and "tensorflow" in sys.modules and find_spec("tensorboard") is not None


def _try(run: Run, write: Any) -> None:
    """No job fails because of what only TensorBoard shows."""
    try:
        write(run)
    except Exception as error:
        reason = str(error).split("\n", 1)[0][:200] or type(error).__name__
        run.events.warn(f"The job's parameters are not in TensorBoard: {reason}")


def _begin(run: Run) -> None:
    from tensorboard.plugins.hparams import summary

    file = _file(run)
    file.parent.mkdir(parents=True, exist_ok=True)
    for older in file.parent.glob(_name("*", "*")):
        older.unlink()
    values = {name: plain(value) for name, value in run.job.hyperparameters.items()}
    _append(file, summary.session_start_pb(values, start_time_secs=run.started))


def _succeed(run: Run) -> None:
    from tensorboard.plugins.hparams import api_pb2

    _end(run, api_pb2.STATUS_SUCCESS)


def _fail(run: Run) -> None:
    from tensorboard.plugins.hparams import api_pb2

    _end(run, api_pb2.STATUS_FAILURE)


def _end(run: Run, status: int) -> None:
    from tensorboard.plugins.hparams import summary

    _append(_file(run), summary.session_end_pb(status))


def _append(file: Path, summary: Any) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    event = Event(wall_time=time.time())
    event.summary.ParseFromString(summary.SerializeToString())  # TensorFlow's class of the same
    with file.open("ab") as stream:
        writer = RecordWriter(stream)
        if not stream.tell():
            writer.write(Event(file_version=FILE_VERSION).SerializeToString())
        writer.write(event.SerializeToString())


def _file(run: Run) -> Path:
    name = _name(f"{run.started:010.0f}", str(run.job.attempt))
    return Path(run.job.tensorboard, name)


def _name(started: str, attempt: str) -> str:
    return f"events.out.tfevents.{started}.hparams.{attempt}"


def plain(value: Any) -> bool | int | float | str:
    """A value of a kind that the tab knows: anything but numbers and switches is text."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)
