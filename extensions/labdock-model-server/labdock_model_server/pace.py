"""Whether a request is short enough to be answered between two turns of the event loop."""

from __future__ import annotations

SHORT = 0.002
"""Seconds. A hop to a thread and back costs about 0.0001, so a short call is done in place."""
LARGEST = 128 * 1024
"""Bytes of a body that may be decoded in place."""


class Pace:
    """Remembers how long requests took, by the power of two of their body's size.

    A size not seen yet goes to a thread. One slow call sends its size there at once; it
    takes several quick ones to come back.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def is_short(self, size: int) -> bool:
        """Whether a request of so many bytes should be answered in place."""
        return size <= LARGEST and self._seconds.get(size.bit_length(), 1.0) < SHORT

    def note(self, size: int, seconds: float) -> None:
        """A request of so many bytes took so long."""
        key = size.bit_length()
        before = self._seconds.get(key, 0.0)
        self._seconds[key] = max(seconds, 0.7 * before + 0.3 * seconds)
