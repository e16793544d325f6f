"""The small picture of a job's loss: a few points that stay evenly spread, however long it runs."""

from __future__ import annotations

from labdock.schema import Progress

LOSS = "loss"
MOST = 32
"""Points of a curve; they travel with every look at the job."""
ENOUGH = 8
"""Epochs that make a curve by themselves: within an epoch the loss is a young mean."""
LARGEST = 2**53
"""Counts above this are no epochs."""

Curve = list[list[float]]
"""Pairs of epoch and loss."""


def extended(progress: Progress, *, ended: bool) -> Curve:
    """The curve with the point that the progress tells of; `ended` where its epoch has.

    What lies at this point or later is of an earlier `fit` or attempt, and is left out.
    """
    at, loss = _position(progress, ended=ended), progress.metrics.get(LOSS)
    if at is None or loss is None:
        return progress.curve
    curve = [*(point for point in progress.curve if point[0] < at), [at, float(f"{loss:.5g}")]]
    if at >= ENOUGH:
        curve = [point for point in curve if point[0] % 1 == 0]
    return curve if len(curve) <= MOST else _thinned(curve)


def _position(progress: Progress, *, ended: bool) -> float | None:
    """Epochs that are done, with the part of the one that runs."""
    epoch, step, steps = progress.epoch, progress.step, progress.steps
    if epoch is None or not 0 < epoch <= LARGEST:
        return None
    if ended:
        return float(epoch)
    if step is None or not steps or not 0 <= step <= steps <= LARGEST:
        return None
    return round(epoch - 1 + step / steps, 4)


def _thinned(curve: Curve) -> Curve:
    """Without the point whose neighbours are the closest together."""
    inner = range(1, len(curve) - 1)
    spare = min(inner, key=lambda index: curve[index + 1][0] - curve[index - 1][0])
    return [*curve[:spare], *curve[spare + 1 :]]
