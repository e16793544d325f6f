"""What a person's server uses: CPU time and memory of its process and of all that it started."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import psutil

SOON = 2.0
"""Seconds for which an answer is given again: however many windows ask, it is looked once."""
OLD = 90.0
"""Seconds after which a look says nothing of now: it is looked twice then."""
BETWEEN = 0.5


@dataclass(frozen=True)
class Usage:
    """What is used: CPUs, on average since the look before, and bytes."""

    cpus: float
    memory: int


@dataclass(frozen=True)
class _Look:
    time: float
    seconds: dict[tuple[int, float], float]
    """CPU seconds of each process, by its id and when it was started."""
    memory: int


class Meter:
    """Looks at the server's processes when it is asked, and never by itself."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._last: _Look | None = None
        self._usage = Usage(0.0, 0)

    def read(self) -> Usage:
        """What is used now; half a second goes by where nobody has asked for long."""
        with self._looking:
            before, now = self._last, time.monotonic()
            if before is None or now - before.time > OLD:
                before = _look()
                time.sleep(BETWEEN)
            elif now - before.time < SOON:
                return self._usage
            self._last = _look()
            self._usage = Usage(_cpus(before, self._last), self._last.memory)
            return self._usage


def cpu_limit() -> float:
    """How many CPUs the server may use: what its container was given, else the machine's."""
    return float(os.environ.get("CPU_LIMIT") or len(os.sched_getaffinity(0)))


def memory_limit() -> int:
    """How many bytes the server may use: what its container was given, else the machine's."""
    return int(os.environ.get("MEM_LIMIT") or psutil.virtual_memory().total)


def _cpus(before: _Look, now: _Look) -> float:
    spent = sum(
        max(0.0, seconds - before.seconds.get(process, 0.0))
        for process, seconds in now.seconds.items()
    )
    return spent / (now.time - before.time)


def _look() -> _Look:
    own = psutil.Process()
    seconds, memory = {}, 0
    for process in (own, *own.children(recursive=True)):
        try:
            times, pages = process.cpu_times(), process.memory_full_info()
        except psutil.Error:
            continue  # it has ended meanwhile
        seconds[process.pid, process.create_time()] = times.user + times.system
        memory += pages.pss  # what several share counts once
    return _Look(time.monotonic(), seconds, memory)
