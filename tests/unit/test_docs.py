"""The documents say what the code does."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from docs import generate
from tests.pictures import SHOWN, kept_by

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
COMMAND = re.compile(r"(?:^|`|\$ )labdock ([a-z]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, made by a process in which no test has run a command."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, generate.__file__, folder], check=True, cwd=ROOT)
    return folder


@pytest.mark.parametrize("name", generate.PAGES)
def test_the_reference_is_what_the_code_says(made: Path, name: str) -> None:
    kept = (generate.REFERENCE / name).read_text(encoding="utf-8")
    assert kept == (made / name).read_text(encoding="utf-8"), (
        "run `make docs` and commit what it changes"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        target
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


PICTURE = re.compile(r"!\[[^]]+\]\(([^)]+\.png)\)")


def test_each_picture_is_what_one_test_sees() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in PICTURE.findall(page.read_text(encoding="utf-8"))
    }
    assert shown == set(SHOWN.glob("*.png"))  # none is missing, and none is left over
    assert {picture.name: len(kept_by(picture)) for picture in shown} == {
        picture.name: 1 for picture in shown
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documents_exist(page: Path) -> None:
    from labdock.cli import cli

    known = {path[1] for path, _ in generate.walk(cli, ["labdock"])}
    named = set(COMMAND.findall(page.read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("page", ["README.md", "docs/howto/docker.md"])
def test_the_line_that_chooses_docker_does(tmp_path: Path, page: str) -> None:
    line = next(
        line for line in (ROOT / page).read_text().splitlines() if line.endswith(" labdock.toml")
    )
    shutil.copy(ROOT / "labdock.toml", tmp_path)
    subprocess.run(line, shell=True, check=True, cwd=tmp_path)
    assert tomllib.loads((tmp_path / "labdock.toml").read_text())["engine"] == "docker"
