"""How often something may be done: windows of time that one who keeps asking cannot lengthen."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from labdock_service.errors import TooMany


class Remembered:
    """What was met last, so much of it and no more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._met: OrderedDict[str, None] = OrderedDict()

    def add(self, what: str) -> None:
        """Remember something; what was met longest ago is forgotten where there is too much."""
        self._met[what] = None
        self._met.move_to_end(what)
        if len(self._met) > self._most:
            self._met.popitem(last=False)

    def __contains__(self, what: str) -> bool:
        return what in self._met


class Rate:
    """So many in a window of so many minutes, for each of whoever they are counted for.

    Windows are fixed: they begin with the first and end so much later, whatever comes in between.
    """

    def __init__(self, count: int, minutes: int = 1) -> None:
        self._item: RateLimitItem | None = RateLimitItemPerMinute(count, minutes) if count else None
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, key: str) -> None:
        """Count one more."""
        if self._item is not None:
            self._limiter.hit(self._item, key)

    def check(self, sentence: str, key: str) -> None:
        """Raises TooMany, with this sentence and the time to wait, where no more may be."""
        if self._item is None or self._limiter.test(self._item, key):
            return
        window = self._limiter.get_window_stats(self._item, key)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        raise TooMany(f"{sentence}: try again in {seconds} s.", seconds)
