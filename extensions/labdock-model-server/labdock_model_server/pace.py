"""Whether a call is short enough to be made between two turns of the event loop."""

from __future__ import annotations

SHORT = 0.002
"""Seconds. A hop to a thread and back costs about 0.0001, so a short call is made in place."""
_FADING = 0.95
"""A slow call is forgotten by so much with each one after it."""

Kind = tuple[str, int]
"""Calls that take about equally long: a signature, and the power of two of a body's size."""


class Pace:
    """Remembers how long calls of a kind took.

    A kind not seen yet goes to a thread. One slow call sends its kind there at once, and
    some tens of quick ones bring it back.
    """

    def __init__(self) -> None:
        self._seconds: dict[Kind, float] = {}

    def is_short(self, kind: Kind) -> bool:
        """Whether such a call should be made in place."""
        return self._seconds.get(kind, SHORT) < SHORT

    def note(self, kind: Kind, seconds: float) -> None:
        """Such a call took so long."""
        self._seconds[kind] = max(seconds, self._seconds.get(kind, 0.0) * _FADING)
