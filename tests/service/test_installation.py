"""An environment that is whole: nobody writes to it, and the next one is made from its files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from labdock_service import installation
from labdock_service.bootstrap import CHECKOUT
from labdock_service.folders import delete_folder
from labdock_service.jsonfile import write_json
from labdock_service.statefolder import StateFolder

UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installation._build_wheel(
        CHECKOUT / "extensions/labdock-model-server", tmp_path_factory.mktemp("wheels")
    )


@pytest.fixture
def sealed(wheel: Path, tmp_path: Path) -> Path:
    """A small environment, as the large one is left."""
    venv = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--relocatable", "--python", sys.executable, venv)
    install(venv, wheel)
    installation._seal(venv)
    return venv


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def install(venv: Path, wheel: Path) -> None:
    options = ("--quiet", "--no-deps", "--reinstall", "--compile-bytecode")
    run(UV, "pip", "install", *options, "--python", venv / "bin/python", wheel)


def modes(venv: Path) -> dict[Path, int]:
    found = {path: path.lstat().st_mode for path in [venv, *venv.rglob("*")]}
    return {path: stat.S_IMODE(mode) for path, mode in found.items() if not stat.S_ISLNK(mode)}


def test_nothing_in_it_may_be_written(sealed: Path) -> None:
    assert {mode & 0o222 for mode in modes(sealed).values()} == {0}
    assert os.access(sealed / "bin/activate", os.R_OK)
    python = Path(os.path.realpath(sealed / "bin/python"))
    assert python.stat().st_mode & stat.S_IWUSR, "the machine's own Python is left alone"
    run(sealed / "bin/python", "-c", "import labdock_model_server")


def test_the_next_one_shares_its_files_and_leaves_them_as_they_are(
    sealed: Path, wheel: Path, tmp_path: Path
) -> None:
    files = {path: path.read_bytes() for path in modes(sealed) if path.is_file()}
    other = tmp_path / "other"
    installation._link_tree(sealed, other)
    config = other / "pyvenv.cfg"
    assert config.samefile(sealed / "pyvenv.cfg")
    install(other, wheel)
    installation._seal(other)
    assert {path: path.read_bytes() for path in files} == files
    assert {mode & 0o222 for mode in modes(other).values()} == {0}
    run(other / "bin/python", "-c", "import labdock_model_server")
    delete_folder(other)  # as what failed is cleared away
    assert {path: path.read_bytes() for path in files} == files


def test_a_new_environment_makes_older_ones_older_and_leaves_images_alone(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    current = installation.environment_digest().removeprefix("sha256:")
    for folder, kind in (("0123456789", "local"), ("abcdef", "image"), (current, "local")):
        place = state.environments / folder
        place.mkdir(parents=True)
        write_json(place / "environment.json", {"kind": kind, "name": "tf", "default": True})
    installation.ensure_environment(state, print)
    found = {
        place.parent.name: (told["name"], told["default"])
        for place in state.environments.glob("*/environment.json")
        if (told := json.loads(place.read_bytes()))
    }
    assert found == {
        current: ("tf", True), "0123456789": ("tf@01234567", False), "abcdef": ("tf", True)
    }  # fmt: skip
