"""Which environment is meant: by a name, by the setting, or by the mark of `make up`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.packages import small_environment

from labdock_service.errors import Invalid
from labdock_service.packaging.environments import choose_environment

MARKED = replace(small_environment(), name="marked", default=True)
OTHER = replace(small_environment(six="1"), name="other")
FOUND = [MARKED, OTHER]


def test_a_name_or_digest_wins_over_the_setting_and_that_over_the_mark() -> None:
    assert choose_environment(FOUND, "") is MARKED
    assert choose_environment(FOUND, "other") is OTHER
    assert choose_environment(FOUND, OTHER.digest) is OTHER
    assert choose_environment(FOUND, "other", "marked") is MARKED
    assert choose_environment(FOUND, "other", MARKED.digest) is MARKED


@pytest.mark.parametrize(
    ("found", "setting", "named", "sentence"),
    [
        ([], "", None, "There is no environment yet: `make up` makes it."),
        (FOUND, "lost", None, "There is no environment 'lost'; there are: marked, other."),
        (FOUND, "other", "lost", "There is no environment 'lost'; there are: marked, other."),
        ([OTHER], "", None, "Name an environment; there are: other."),
    ],
)
def test_what_is_not_there_is_said(
    found: list[object], setting: str, named: str | None, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        choose_environment(found, setting, named)  # type: ignore[arg-type]
    assert str(refused.value) == sentence
