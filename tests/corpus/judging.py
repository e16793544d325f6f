"""Whether an entry ended as the catalogue says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.catalogue import Entry
from tests.corpus.running import Figures, Outcome

REFUSED = 64


def problems(entry: Entry, one: Outcome, two: Outcome) -> list[str]:
    """What is not as the catalogue says, a sentence each."""
    if entry.refused:
        alone = refusal(entry.refused, "1 worker", one)
        return [*alone, *refusal(entry.refused, "2 workers", two)]
    if entry.refused_gang:
        alone = ending(entry, "1 worker", one, "")
        return [*alone, *refusal(entry.refused_gang, "2 workers", two)]
    found = [
        *ending(entry, "1 worker", one, ""),
        *ending(entry, "2 workers", two, entry.warned_gang),
    ]
    return found or [*agreement(entry, two), *comparison(entry, one, two)]


def refusal(sentence: str, where: str, outcome: Outcome) -> Iterator[str]:
    """Whether it was refused with the sentence that the catalogue knows."""
    if outcome.state != "failed" or REFUSED not in outcome.exits:
        yield f"On {where} it {outcome.state} with {outcome.exits} and was not refused."
    if not re.search(sentence, outcome.reason):
        yield f"On {where} it ended with “{outcome.reason}”."


def ending(entry: Entry, where: str, outcome: Outcome, warned_gang: str) -> Iterator[str]:
    """Whether it ran to its end, warned of what it should, and left what it should."""
    if outcome.state != "succeeded" or set(outcome.exits) != {0}:
        yield f"On {where} it {outcome.state} with {outcome.exits}: {outcome.reason}"
        return
    yield from warning(where, outcome, [p for p in (entry.warned, warned_gang) if p])
    yield from leaving(entry, where, outcome)


def warning(where: str, outcome: Outcome, expected: list[str]) -> Iterator[str]:
    """Whether it warned of what it should, and of nothing else."""
    for said in outcome.warnings:
        if not any(re.search(pattern, said) for pattern in expected):
            yield f"On {where} it warned: {said}"
    for pattern in expected:
        if not any(re.search(pattern, said) for said in outcome.warnings):
            yield f"On {where} it did not warn of “{pattern}”."


def leaving(entry: Entry, where: str, outcome: Outcome) -> Iterator[str]:
    """Whether it left what it should, and every model answers as the one in memory did."""
    if len(outcome.fits) != entry.fits:
        yield f"On {where} there were {len(outcome.fits)} calls of fit and not {entry.fits}."
    if len(outcome.models) != entry.models:
        yield f"On {where} the models were {sorted(outcome.models)}."
    for name, check in outcome.models.items():
        if check != "equal":
            yield f"On {where} the check of the model {name} says: {check}"
    if missing := set(entry.figures) - set(outcome.figures[0]):
        yield f"On {where} it did not print {sorted(missing)}."
    if outcome.leftovers:
        yield f"On {where} it left {outcome.leftovers} among the checkpoints."
    executed = Path(entry.file).with_suffix(".executed.ipynb").name
    if entry.file.endswith(".ipynb") and executed not in outcome.files:
        yield f"On {where} its files lack {executed}."


def agreement(entry: Entry, gang: Outcome) -> Iterator[str]:
    """Whether all workers of a gang ended with the same weights and figures."""
    told = entry.fits + bool(entry.fingerprint)
    chief, *others = zip(gang.weights, gang.figures, strict=True)
    if len(chief[0]) != told:
        yield f"The chief told of its weights {len(chief[0])} times and not {told}."
    for rank, other in enumerate(others, 1):
        if other[0] != chief[0]:
            yield f"Worker {rank} has other weights than the chief."
        if other[1] != chief[1]:
            yield f"Worker {rank} printed {other[1]}, and the chief {chief[1]}."


def comparison(entry: Entry, one: Outcome, two: Outcome) -> Iterator[str]:
    """Whether one worker and two came to the same, within the tolerance."""
    for name, (alone, together) in pairs(one, two).items():
        if not distance(alone, together) <= entry.tolerance:
            yield f"{name} is {alone:g} on 1 worker and {together:g} on 2."
    if kinds(one) != kinds(two):
        yield f"On 2 workers it left {two.files}, and on 1 worker {one.files}."


def kinds(outcome: Outcome) -> set[str]:
    """A run's files by name, without the numbers in them: times and process ids differ."""
    return {re.sub(r"\d+", "N", path) for path in outcome.files}


def pairs(one: Outcome, two: Outcome) -> dict[str, tuple[float, float]]:
    """Every number that both runs told: the last metrics of each fit, and what was printed."""
    left, right = numbers(one), numbers(two)
    return {name: (left.get(name, math.nan), right.get(name, math.nan)) for name in left | right}


def numbers(outcome: Outcome) -> Figures:
    """A run's numbers by name."""
    several = len(outcome.fits) > 1
    told = {
        f"{name} of fit {number}" if several else name: value
        for number, metrics in enumerate(outcome.fits, 1)
        for name, value in metrics.items()
    }
    return {**told, **outcome.figures[0]}


def distance(one: float, two: float) -> float:
    """How far two numbers lie apart, as a share of the larger where that is above 1."""
    return abs(one - two) / max(1.0, abs(one), abs(two))


def farthest(one: Outcome, two: Outcome) -> float:
    """The largest distance between any two numbers."""
    return max((distance(*pair) for pair in pairs(one, two).values()), default=0.0)
