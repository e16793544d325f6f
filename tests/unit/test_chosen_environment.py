"""Which environment a submission means, and how one is listed that cannot be chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labdock.commands.cluster import _title
from labdock.errors import Mistake
from labdock.schema import Environment
from labdock.submission import choose_environment

SMALL = Environment(
    name="small",
    digest="sha256:" + "1" * 64,
    title="Small",
    kind="image",
    python="3.11.7",
    packages={},
    default=True,
)
FAILED = replace(
    SMALL,
    name="failed",
    digest="sha256:" + "2" * 64,
    default=False,
    unavailable="It failed its verification: choose another.",
)


@pytest.mark.parametrize("wanted", [FAILED.name, FAILED.digest])
def test_what_cannot_be_chosen_is_refused_before_anything_is_sent(wanted: str) -> None:
    assert choose_environment([FAILED, SMALL], None) is SMALL
    with pytest.raises(Mistake, match=r"failed: It failed its verification: choose another\."):
        choose_environment([FAILED, SMALL], wanted)


def test_the_list_says_what_cannot_be_chosen_and_what_is_not_verified() -> None:
    listed = [_title(one) for one in (SMALL, replace(SMALL, verified=False), FAILED)]
    assert listed == [
        "Small",
        "Small (not verified here yet)",
        "Small (unavailable: It failed its verification: choose another.)",
    ]
