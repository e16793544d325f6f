"""Curves as they were at a backup, so that no point is there twice.

Files of curves are only appended to: cut to the sizes that a backup noted, they end where it
was made. Without a backup the code begins anew, and so do its curves.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labdock_runtime.backupfile import newest_of_all
from labdock_runtime.run import Run

SESSION_START = 1
"""TensorFlow's number for a record after which TensorBoard drops points of later steps."""


def watch_writers(run: Run, tf: Any) -> None:
    """Know all writers of summaries, to have what they hold on the disk at a backup."""
    original = tf.summary.create_file_writer

    @functools.wraps(original)
    def create_file_writer(*arguments: Any, **options: Any) -> Any:
        writer = original(*arguments, **options)
        run.writers.add(writer)
        return writer

    tf.summary.create_file_writer = create_file_writer


def sizes(run: Run) -> dict[str, int]:
    """The sizes of all files of curves, with everything written."""
    for writer in list(run.writers):
        with suppress(Exception):  # closed by its owner
            writer.flush()
    folder = Path(run.job.tensorboard)
    files = [path for path in folder.rglob("*") if path.is_file()] if run.job.tensorboard else []
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def take_up(run: Run) -> None:
    """Put the curves back to where this attempt goes on from."""
    job = run.job
    if not (job.chief and job.tensorboard):
        return
    found = newest_of_all(Path(job.checkpoints), job.attempt) if job.checkpoints else None
    cut(Path(job.tensorboard), found.about["curves"] if found else {})


def cut(folder: Path, known: Mapping[str, int]) -> None:
    """Cut files to their known sizes, and delete those that were not there."""
    for place, folders, names in os.walk(folder, topdown=False):
        for path in (Path(place, name) for name in names):
            size = known.get(str(path.relative_to(folder)))
            if size is None:
                path.unlink()
            elif path.stat().st_size > size:
                os.truncate(path, size)
        for name in folders:
            if not any(Path(place, name).iterdir()):
                shutil.rmtree(Path(place, name), ignore_errors=True)


def mark_start(tf: Any, writer: Any, step: int) -> None:
    """Let a TensorBoard that has read later points already drop those from this step on."""
    event = tf.compat.v1.Event(step=step, session_log=tf.compat.v1.SessionLog(status=SESSION_START))
    with suppress(AttributeError):  # a writer that writes nowhere
        tf.raw_ops.ImportEvent(writer=writer._resource, event=event.SerializeToString())
