"""A served answer beside the one that was kept."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_service.serving.likeness import TOLERANCE, difference

NUMBERS = st.floats(-1e6, 1e6)
OUTPUTS = st.dictionaries(st.text(max_size=5), st.lists(st.lists(NUMBERS)), min_size=1)


@given(OUTPUTS)
def test_an_answer_is_like_itself(outputs: dict[str, Any]) -> None:
    assert difference(outputs, outputs) is None


@given(st.lists(NUMBERS, min_size=1))
def test_rounding_is_no_difference_and_more_is_one(numbers: list[float]) -> None:
    size = max(1.0, *map(abs, numbers))
    near = [number + TOLERANCE * size / 2 for number in numbers]
    far = [number + TOLERANCE * size * 3 for number in numbers]
    assert difference({"y": numbers}, near) is None
    assert "its values differ by up to" in (difference({"y": numbers}, far) or "")


@pytest.mark.parametrize(
    ("kept", "served", "said"),
    [
        ({"y": [[1.0]]}, [[1.0]], None),
        ({"y": [["no"]]}, [["yes"]], None),
        ({"y": 1.0}, 1.0, None),
        ({"y": [1.0]}, {"z": [1.0]}, "values are no numbers"),
        ({"y": [1.0], "z": [2.0]}, {"y": [1.0]}, "it has other outputs"),
        ({"y": [1.0], "z": [2.0]}, [1.0], "it has other outputs"),
        ({"y": [1.0]}, None, "its values are no numbers"),
        ({"y": [1.0]}, [1.0, 2.0], "of another shape"),
        ({"y": [1.0]}, [math.nan], "its values are no numbers"),
        ({"y": [3]}, [7], "differ by up to 4"),
    ],
)
def test_what_counts_as_alike(kept: dict[str, Any], served: Any, said: str | None) -> None:
    found = difference(kept, served)
    assert found is None if said is None else said in (found or "")
