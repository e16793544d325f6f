"""Packaging processes: there while something is to be packaged and for a while after, else none.

Starting one takes a quarter of a second; it holds 20 MB with what Python keeps beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from labdock_service.packaging.request import Packaged, PackagingRequest
    from labdock_service.reconciler.packing import Steps

PROCESSES = 2
REST_SECONDS = 300.0
"""How long the processes are kept warm when there is nothing to do."""


class Pool:
    """Packages in processes of its own; `wake` is called when one is done, and through the pipe."""

    def __init__(self, state: StateFolder, pipe: Path, wake: Callable[[], None]) -> None:
        self._state = state
        self._pipe = pipe
        self._wake = wake
        self._opened: tuple[ProcessPoolExecutor, Steps] | None = None
        self._used = 0.0

    def submit(self, snapshot: str, request: PackagingRequest) -> Future[Packaged]:
        """Begin to package. A pool of which a process was killed is replaced."""
        from labdock_service.reconciler import packing

        try:
            executor, _ = self._opened or self._open()
            future = executor.submit(packing.pack, snapshot, request, self._state)
        except BrokenExecutor:
            executor, _ = self._open()
            future = executor.submit(packing.pack, snapshot, request, self._state)
        future.add_done_callback(lambda _: self._wake())
        return future

    def steps(self) -> dict[str, str]:
        """What packaging says that it does now, by snapshot, where it is something new."""
        latest: dict[str, str] = {}
        if self._opened is not None:
            _, steps = self._opened
            while not steps.empty():
                snapshot, sentence = steps.get()
                latest[snapshot] = sentence
        return latest

    def keep(self, *, busy: bool) -> None:
        """End the processes when there was nothing to do for long."""
        now = time.monotonic()
        if busy:
            self._used = now
        elif now - self._used > REST_SECONDS:
            self.close()

    def close(self) -> None:
        """End the processes; what was begun is done again at the next start."""
        if self._opened is not None:
            self._opened[0].shutdown(wait=False, cancel_futures=True)
            self._opened = None

    def _open(self) -> tuple[ProcessPoolExecutor, Steps]:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        from labdock_service.reconciler import packing

        context = get_context("spawn")  # children of this process itself: they end when it does
        steps: Steps = context.SimpleQueue()
        executor = ProcessPoolExecutor(
            PROCESSES,
            mp_context=context,
            initializer=packing.prepare,
            initargs=(steps, self._pipe, os.getpid()),
        )
        self._opened = executor, steps
        return self._opened
