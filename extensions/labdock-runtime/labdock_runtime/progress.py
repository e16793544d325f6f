"""When progress is written, and how long training will still take."""

from __future__ import annotations

INTERVAL = 0.5


class Clock:
    """Tells the time left from the pace since the first step, which is slow for other reasons."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._first: tuple[float, float] | None = None

    def due(self, now: float) -> bool:
        """Whether half a second has passed since this was true the last time."""
        if now - self._last < INTERVAL:
            return False
        self._last = now
        return True

    def seconds_left(
        self, now: float, epoch: int, epochs: int | None, step: int | None, steps: int | None
    ) -> float | None:
        """Seconds to the end of training, unknown (None) until two steps were seen."""
        if not epochs or not steps or step is None:
            return None
        done = epoch - 1 + min(step / steps, 1.0)
        if self._first is None:
            self._first = (now, done)
            return 0.0 if done >= epochs else None
        began, had = self._first
        if done <= had:
            return None
        return round(max(0.0, (now - began) / (done - had) * (epochs - done)), 1)
