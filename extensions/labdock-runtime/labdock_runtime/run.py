"""What this process knows of its run while it runs."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn
from weakref import WeakSet

from labdock_runtime.events import Events
from labdock_runtime.job import Job
from labdock_runtime.memory import Memory


class Run:
    """The job, its events, and what training has done so far in this process.

    `in_kernel` tells a notebook's kernel, whose worker is another process, from a script.
    """

    current: Run | None = None
    """The one of this process, once its code is prepared for."""

    def __init__(self, job: Job, *, in_kernel: bool = False) -> None:
        self.job = job
        self.events = Events(job)
        self.in_kernel = in_kernel
        self.started = 0.0
        self.strategy: Any = None
        self.fits = 0
        self.fitting = 0
        self.stopping = False
        self.model: Any = None
        self.metrics: dict[str, float] = {}
        self.restoring = False
        self.loops = 0
        self.looping = 0
        self.saves = 0
        self.files_are_back = False
        self.writers: WeakSet[Any] = WeakSet()
        self.training_data = False
        self.memory = Memory()
        self.whole_steps = 0
        self.keras_steps = 0

    def leave(self, code: int) -> NoReturn:
        """End this process at once, whatever TensorFlow's threads are doing."""
        if not self.in_kernel:
            self.events.emit("ended", exit=code)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
        os._exit(code)
