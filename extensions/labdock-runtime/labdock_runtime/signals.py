"""SIGTERM: save what can be saved, and end with 143."""

from __future__ import annotations

import os
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
    owner = os.getpid()

    def stop(signum: int, frame: FrameType | None) -> None:
        del frame
        if os.getpid() != owner:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        if run.stopping or not (run.fitting or run.looping):
            run.leave(STOPPED)
        run.stopping = True
        limit = threading.Timer(PATIENCE, run.leave, (STOPPED,))
        limit.daemon = True
        limit.start()

    signal.signal(signal.SIGTERM, stop)
