"""What runs in a packaging process. It imports no store, so that it starts quickly.

The reconciler imports this module too, but not packaging itself.
"""

from __future__ import annotations

import os
import signal
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from labdock_service import processes
from labdock_service.packaging.request import Packaged, PackagingRequest
from labdock_service.statefolder import StateFolder
from labdock_service.wakeup import wake

Steps = SimpleQueue[tuple[str, str]]
"""What packaging is doing now: a snapshot's id and a sentence."""

_steps: list[tuple[Steps, Path]] = []


def prepare(steps: Steps, pipe: Path, reconciler: int) -> None:
    """Called once in a new packaging process, which ends when the reconciler does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.die_with_parent()
    if os.getppid() != reconciler:
        os._exit(1)
    _steps[:] = [(steps, pipe)]


def pack(snapshot: str, request: PackagingRequest, state: StateFolder) -> Packaged:
    """Package, and say on the way what is being done."""
    from labdock_service.packaging.package import package

    def report(sentence: str) -> None:
        for steps, pipe in _steps:
            steps.put((snapshot, sentence))
            wake(pipe)

    return package(request, state, report)
