"""Timing in interleaved rounds, and what can be said of the figures."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

RESAMPLES = 4000


@dataclass(frozen=True)
class Series:
    """Figures of one contender, in the order in which they were taken."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle figure."""
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        """The smallest and the largest figure, for a table."""
        return f"{shown(min(self.values))} to {shown(max(self.values))}"


@dataclass(frozen=True)
class Comparison:
    """The median ratio of paired figures with its 95 % bootstrap interval."""

    ratio: float
    low: float
    high: float
    pairs: int


def interleave(
    contenders: Mapping[str, Callable[[], float]], rounds: int, unit: str
) -> dict[str, Series]:
    """Run each contender once a round, in an order shuffled each round with a fixed seed."""
    order, shuffle = list(contenders), random.Random(1)
    values: dict[str, list[float]] = {name: [] for name in order}
    for number in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            values[name].append(contenders[name]())
            print(f"  round {number + 1}/{rounds} {name}: {shown(values[name][-1])} {unit}")
    return {name: Series(name, unit, tuple(values[name])) for name in contenders}


def compare(ours: Series, theirs: Series) -> Comparison:
    """Ours over theirs, pair by pair."""
    ratios = [mine / other for mine, other in zip(ours.values, theirs.values, strict=True)]
    low, high = interval(ratios)
    return Comparison(statistics.median(ratios), low, high, len(ratios))


@dataclass(frozen=True)
class Difference:
    """The median difference of paired figures with its 95 % bootstrap interval."""

    median: float
    low: float
    high: float
    pairs: int


def subtract(ours: Series, theirs: Series) -> Difference:
    """Ours less theirs, pair by pair."""
    more = [mine - other for mine, other in zip(ours.values, theirs.values, strict=True)]
    low, high = interval(more)
    return Difference(statistics.median(more), low, high, len(more))


def interval(values: Sequence[float], seed: int = 1) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the median."""
    source = random.Random(seed)
    medians = sorted(
        statistics.median(source.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest figure that this share of them, in percent, does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def shown(value: float) -> str:
    """A figure with three significant digits, thousands with commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
