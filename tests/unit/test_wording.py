"""How sizes and lengths of time are said."""

from __future__ import annotations

import pytest

from labdock import wording


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_234, "1.2 kB"),
        (999_999, "1 MB"),
        (36_000_000, "36 MB"),
        (123_456_789, "123 MB"),
        (4e9, "4 GB"),
        (7.7e15, "7700 TB"),
    ],
)
def test_sizes(count: float, said: str) -> None:
    assert wording.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (72, "1 min 12 s"),
        (7200, "2 h"),
        (7505, "2 h 5 min"),
        (30 * 86400, "30 days"),
    ],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said
