"""The time as the reconciler goes by it: it does not jump when somebody sets the clock."""

from __future__ import annotations

import time
from collections.abc import Callable


def since_boot() -> float:
    """Seconds since the machine started, those in which it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SteadyClock:
    """Says what the wall clock said at first, and how long ago that was.

    So deadlines stay where they were when the wall clock is set back an hour, or forward.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._before_boot = wall() - since_boot()

    def __call__(self) -> float:
        """The time now."""
        return self._before_boot + since_boot()
