"""SIGTERM: save what can be saved, and end with 143."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from labdock_runtime.failures import STOPPED
from labdock_runtime.run import Run

PATIENCE = 20.0
"""Seconds that a training step and the backup after it may take; an engine's grace is longer."""


def handle_stop(run: Run) -> None:
    """Take SIGTERM over, also from the handler in C that a strategy installs."""
    if not run.job.does("signals") or threading.current_thread() is not threading.main_thread():
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        if run.stopping or not run.fitting:
            run.leave(STOPPED)
        run.stopping = True
        limit = threading.Timer(PATIENCE, run.leave, (STOPPED,))
        limit.daemon = True
        limit.start()

    signal.signal(signal.SIGTERM, stop)
