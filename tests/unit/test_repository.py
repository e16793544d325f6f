"""What holds for every committed file, and for what `make` says of itself."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LINES = 500
REGISTRIES = [
    ".".join(words)
    for words in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
]
NAMES_IMAGES = ("images/lock.toml", "tests/images/test_")
"""Where names of images from elsewhere may stand: they begin with their registry's host."""

SOMEBODY = "(?:somebody|labdock)"
"""Who may have a home: a person of the tests, and the user of the images."""

HOME = re.compile(rf"(?<![\w.~/-])/(?:home|Users)/(?!{SOMEBODY}\b)\w|(?<![\w.~/-])/(?:root|work)/")
GENERATED = ("*.lock", "package-lock.json", "docs/reference/*.md", "src/service/schema.ts")


def committed() -> Iterator[Path]:
    """Files that git knows, and that are text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = CHECKOUT / name
        if path.is_file() and b"\0" not in path.read_bytes():
            yield path


FILES = list(committed())


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs."""
    return [
        f"{path.relative_to(CHECKOUT)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host: str) -> None:
    name = f"{host}/" if host == "docker" + ".io" else host  # which is a package of Debian's too
    named = found(re.compile(re.escape(name)))
    assert not [place for place in named if not place.startswith(NAMES_IMAGES)]


def test_no_file_names_a_place_on_a_developers_machine() -> None:
    assert not found(HOME)


@pytest.mark.parametrize("place", ["labdock-service/proxy", "labdock-lab"])
def test_locks_of_npm_leave_open_where_packages_come_from(place: str) -> None:
    lock = json.loads((CHECKOUT / "extensions" / place / "package-lock.json").read_text())
    assert lock["packages"]
    assert not [name for name, about in lock["packages"].items() if "resolved" in about]


def test_files_are_short_enough_to_read() -> None:
    long = [
        path.relative_to(CHECKOUT)
        for path in FILES
        if not any(path.match(pattern) for pattern in GENERATED)
        and len(path.read_text(encoding="utf-8").splitlines()) > LINES
    ]
    assert not long


def test_every_target_of_make_is_in_the_documents() -> None:
    said = subprocess.run(
        ["make", "help"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout
    targets = set(re.findall(r"^ {2}make (\w+)", said, re.MULTILINE))
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    told = {
        target for page in pages for target in re.findall(r"\bmake (\w+)", page.read_text("utf-8"))
    }
    assert targets
    assert not targets - told
