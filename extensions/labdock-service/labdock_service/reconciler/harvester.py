"""Harvests beside the loop: large files must not hold up what others wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from labdock_service.reconciler.harvest import FoundModel, Left, harvest
from labdock_service.reconciler.parts import log

AGAIN_SECONDS = 5.0

Key = tuple[str, int]


class Harvester:
    """Runs each attempt's harvest in a thread; `wake` is called when one is done."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="harvest")
        self._running: dict[Key, Future[list[FoundModel]]] = {}
        self._again: dict[Key, float] = {}

    def results(self, left: Left) -> list[FoundModel] | OSError | None:
        """What was found, once it is there; asking begins the harvest. An error is tried again."""
        key = (left.job, left.attempt)
        future = self._running.get(key)
        if future is None:
            if time.monotonic() >= self._again.get(key, 0.0):
                future = self._running[key] = self._threads.submit(harvest, left)
                future.add_done_callback(lambda _: self._wake())
            return None
        if not future.done():
            return None
        error = future.exception()
        if isinstance(error, OSError):
            del self._running[key]
            self._again[key] = time.monotonic() + AGAIN_SECONDS
            log.warning("The files of job %s cannot be kept yet: %s", left.job, error)
            return error
        return future.result()

    def forget(self, job: str, attempt: int) -> None:
        """The result was written down."""
        self._running.pop((job, attempt), None)
        self._again.pop((job, attempt), None)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown()
