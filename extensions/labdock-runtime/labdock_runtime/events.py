"""The stream of events: one JSON object a line, in a file that the engine carries out."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from collections.abc import Mapping
from typing import Any

from labdock_runtime.job import Job

VERSION = 1
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Events:
    """Appends events; each is one write, so that processes of one worker may share the file."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._file: int | None = None
        self._torn = False

    def emit(self, kind: str, **fields: Any) -> None:
        """Write an event. Without a file nothing is written."""
        if not self._job.events:
            return
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._job.events, flags, 0o644)
        head = {"v": VERSION, "t": time.time(), "attempt": self._job.attempt}
        event = {**head, "rank": self._job.rank, "kind": kind, **fields}
        line = json.dumps(event, default=str)
        if self._job.mask:
            line = json.dumps(self._job.mask.everywhere(json.loads(line)))
        self._write(line.encode() + b"\n")

    def _write(self, line: bytes) -> None:
        """Append a line. Where the disk is full or fails, it is lost, and the job goes on."""
        assert self._file is not None
        whole = b"\n" + line if self._torn else line
        try:
            self._torn = os.write(self._file, whole) < len(whole)
        except OSError as error:
            if error.errno not in DISK_FAULTS:
                raise

    def failed(
        self, reason: str, code: int, *, cell: int | None = None, traceback: str | None = None
    ) -> None:
        """Write why the run failed, leaving out what there is none of.

        The exit code is told too: a worker may be ended before it comes to its own end.
        """
        more: dict[str, Any] = {"cell": cell, "traceback": traceback}
        given = {k: v for k, v in more.items() if v is not None}
        self.emit("failed", reason=reason, exit=code, **given)

    def warn(self, message: str) -> None:
        """Write a sentence that a person should read, though the run goes on."""
        self.emit("warning", message=message)


def numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Metrics as finite numbers; JSON knows no others."""
    found = {}
    for name, value in (logs or {}).items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            found[name] = number
    return found
