"""Harvests beside the loop: large files must not hold up what others wait for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from labdock_service.diskspace import is_full
from labdock_service.reconciler.harvest import FoundModel, Left, harvest
from labdock_service.reconciler.parts import log

AGAIN_SECONDS = 5.0
MOST_TRIES = 3
"""How often a harvest may break off before the job ends without it."""

Key = tuple[str, int]


@dataclass(frozen=True)
class Trouble:
    """Why a harvest broke off, and whether it is given up."""

    error: BaseException
    final: bool


class Harvester:
    """Runs each attempt's harvest in a thread; `wake` is called when one is done."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="harvest")
        self._running: dict[Key, Future[list[FoundModel]]] = {}
        self._again: dict[Key, float] = {}
        self._tries: Counter[Key] = Counter()

    def results(self, left: Left) -> list[FoundModel] | Trouble | None:
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
        return future.result() if error is None else self._trouble(key, error)

    def _trouble(self, key: Key, error: BaseException) -> Trouble:
        del self._running[key]
        self._again[key] = time.monotonic() + AGAIN_SECONDS
        self._tries[key] += not is_full(error)
        log.warning("The files of job %s cannot be kept: %r", key[0], error)
        return Trouble(error, final=self._tries[key] >= MOST_TRIES)

    def forget(self, job: str, attempt: int) -> None:
        """The result was written down."""
        self._running.pop((job, attempt), None)
        self._again.pop((job, attempt), None)
        self._tries.pop((job, attempt), None)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown()
