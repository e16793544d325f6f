"""`labdock.checkpoint` where there is no job, and what it refuses anywhere."""

from __future__ import annotations

import pytest

import labdock


def test_outside_of_a_job_it_is_an_ordinary_loop() -> None:
    assert list(labdock.checkpoint(range(4), object(), every=2)) == [0, 1, 2, 3]
    letters = labdock.checkpoint(iter("ab"), object())
    assert next(letters) == "a"


def test_it_needs_something_to_keep() -> None:
    with pytest.raises(labdock.Mistake, match=r"labdock\.checkpoint\(range\(1000\), model"):
        labdock.checkpoint(range(4))


def test_it_keeps_after_one_item_at_least() -> None:
    with pytest.raises(labdock.Mistake, match="1 at least"):
        labdock.checkpoint(range(4), object(), every=0)
