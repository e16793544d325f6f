"""Which environment is meant, and what of it an update of Labdock leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.packages import small_environment

import labdock_runtime
from labdock_service import installation
from labdock_service.errors import Invalid
from labdock_service.packaging.environments import choose_environment, find_environments
from labdock_service.statefolder import StateFolder

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


@pytest.mark.parametrize(("said", "foundation"), [({}, "sha256:e"), ({"foundation": "f"}, "f")])
def test_an_environment_has_a_foundation(
    tmp_path: Path, said: dict[str, Any], foundation: str
) -> None:
    folder = tmp_path / "environments/e"
    folder.mkdir(parents=True)
    body = {"name": "e", "digest": "sha256:e", "title": "E", "python": "3.11.2", "packages": {}}
    (folder / "environment.json").write_text(json.dumps(body | said))
    (found,) = find_environments(StateFolder(tmp_path), "local")
    assert found.foundation == foundation


def test_an_update_of_labdock_keeps_the_foundation(monkeypatch: pytest.MonkeyPatch) -> None:
    before = installation.environment_digest(), installation.foundation_digest()
    monkeypatch.setattr(labdock_runtime, "__version__", "99")
    after = installation.environment_digest(), installation.foundation_digest()
    assert after[0] != before[0]
    assert after[1] == before[1]
