"""`verify` in real containers of a plain image: what ends early, and what is left of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import plain_image

from labdock_service.errors import Invalid
from labdock_service.images.admission import Check, examine, refuse_failures
from labdock_service.images.recipes import Recipe

BY_USER = """
@check("whose it is")
def _whose():
    assert os.getuid() == 1000, "it is of another"
    return "mine"


@check("a GPU")
def _gpu():
    raise Skipped("not run: no GPU")


finish()
"""
ENDS = {
    "silently": ("import os; os.kill(os.getpid(), 4)", "exit code 132 and said nothing"),
    "with words": ("raise SystemExit('no such instruction')", "last words were: no such instr"),
    "with nonsense": ("print('[1, 2]')", "exit code 0 and its last words were: [1, 2]"),
}


@dataclass(frozen=True)
class WrittenRecipe(Recipe):
    """A recipe whose `verify` is a test's."""

    place: Path = Path()

    @property
    def folder(self) -> Path:
        return self.place


def examined(folder: Path, text: str, *checks: str) -> dict[str, Check]:
    """What a `verify` of this text finds in the plain image; nothing of it is left."""
    (folder / "verify").write_text(text)
    recipe = WrittenRecipe("plain", None, checks=checks, place=folder)
    with swept_prefix(docker_client()) as prefix:
        name = f"{prefix}-verify-{secrets.token_hex(2)}"
        image = plain_image()
        left = docker_client().containers.create(image, "true", name=name)  # by one who was killed
        found = examine(docker_client(), recipe, image, name=name)
        names = {container.name for container in docker_client().containers.list(all=True)}
        assert left.name == name and name not in names
    return {check.check: check for check in found}


@pytest.mark.parametrize("how", sorted(ENDS))
def test_what_breaks_off_has_failed(tmp_path: Path, how: str) -> None:
    text, said = ENDS[how]
    found = examined(tmp_path, text)
    assert found["verify itself"].passed is False
    assert said in found["verify itself"].said
    with pytest.raises(Invalid, match="The image plain is not admitted"):
        refuse_failures("plain", found.values())


def test_the_worse_of_two_users_counts(tmp_path: Path) -> None:
    found = examined(tmp_path, BY_USER, "checks")
    assert found["user"].passed
    assert found["whose it is"].passed is False
    assert found["whose it is"].said == "as user 54321, AssertionError: it is of another"
    assert (found["a GPU"].passed, found["a GPU"].said) == (None, "not run: no GPU")
