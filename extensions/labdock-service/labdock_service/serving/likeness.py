"""Whether a served answer is the one that was kept: alike but for rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

TOLERANCE = 0.02
"""What numbers may differ by, of the largest of them: a GPU rounds otherwise than a processor."""


def difference(kept: Mapping[str, Any], served: Any) -> str | None:
    """How a model server's answer to `inputs` differs from the kept one; None where it does not.

    The answer has the outputs by name, or bare where there is one.
    """
    if len(kept) == 1 and not (isinstance(served, Mapping) and served.keys() == kept.keys()):
        served = dict.fromkeys(kept, served)
    if not isinstance(served, Mapping) or set(served) != set(kept):
        return "it has other outputs"
    pairs = [(list(_leaves(kept[name])), list(_leaves(served[name]))) for name in kept]
    if any(len(ours) != len(theirs) for ours, theirs in pairs):
        return "its outputs are of another shape"
    return next((apart for pair in pairs if (apart := _apart(*pair)) is not None), None)


def _apart(kept: list[Any], served: list[Any]) -> str | None:
    """How numbers differ; text has several forms in JSON, and is not compared."""
    if not all(map(_is_number, kept)):
        return None
    if not all(map(_is_number, served)):
        return "its values are no numbers"
    largest = max((abs(a - b) for a, b in zip(kept, served, strict=True)), default=0.0)
    if largest <= TOLERANCE * max([1.0, *map(abs, kept)]):
        return None
    return f"its values differ by up to {largest:.2g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value
