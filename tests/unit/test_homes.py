"""A person's home: what Labdock puts there, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labdock_service import homes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "homes/p1"
    homes.make_home(folder, tmp_path / "roots", ["digits"])
    return folder


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    (folder / "01").mkdir(parents=True)
    (folder / "01/train.py").write_text("first")
    (folder / "01/README.md").write_text("read me")
    (folder / "01/verify").write_text("not for people")
    return folder


def test_data_roots_are_linked(home: Path, tmp_path: Path) -> None:
    assert (home / "data").resolve() == tmp_path / "roots/data"
    assert (home / "projects/digits").resolve() == tmp_path / "roots/projects/digits"


def test_who_leaves_a_project_loses_its_folder(home: Path, tmp_path: Path) -> None:
    homes.make_home(home, tmp_path / "roots", ["other"])
    assert [link.name for link in (home / "projects").iterdir()] == ["other"]
    assert (tmp_path / "roots/projects/digits").is_dir()


def test_what_the_person_put_there_stays(home: Path, tmp_path: Path) -> None:
    (home / "projects/mine").mkdir()
    (home / "projects/elsewhere").symlink_to(tmp_path)
    homes.make_home(home, tmp_path / "roots", ["mine"])
    assert {link.name for link in (home / "projects").iterdir()} == {"mine", "elsewhere"}
    assert not (home / "projects/mine").is_symlink()


def test_the_examples_are_copied(home: Path, examples: Path) -> None:
    homes.welcome(home, examples)
    copied = home / "welcome/examples/01"
    assert {file.name for file in copied.iterdir()} == {"train.py", "README.md"}


def test_changed_and_deleted_examples_stay_so(home: Path, examples: Path) -> None:
    homes.welcome(home, examples)
    copied = home / "welcome/examples/01"
    (copied / "train.py").write_text("mine")
    (copied / "README.md").unlink()
    (examples / "01/train.py").write_text("second")
    (examples / "01/README.md").write_text("read me again")
    (examples / "01/new.py").write_text("new")
    homes.welcome(home, examples)
    assert (copied / "train.py").read_text() == "mine"
    assert not (copied / "README.md").exists()
    assert (copied / "new.py").read_text() == "new"


def test_an_untouched_example_follows_a_newer_one(home: Path, examples: Path) -> None:
    homes.welcome(home, examples)
    (examples / "01/train.py").write_text("second")
    homes.welcome(home, examples)
    assert (home / "welcome/examples/01/train.py").read_text() == "second"


def test_a_file_of_the_person_is_not_taken_for_an_example(home: Path, examples: Path) -> None:
    own = home / "welcome/examples/01/train.py"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    homes.welcome(home, examples)
    assert own.read_text() == "mine"


@pytest.mark.parametrize("text", ["", '{"examples/01/tr', "[1]", "3"])
def test_a_broken_record_counts_as_empty(home: Path, examples: Path, text: str) -> None:
    homes.welcome(home, examples)
    (home / "welcome/examples/01/train.py").write_text("mine")
    (home / homes.OWN / "welcome.json").write_text(text)
    (examples / "01/new.py").write_text("new")
    homes.welcome(home, examples)
    assert (home / "welcome/examples/01/train.py").read_text() == "mine"
    assert (home / "welcome/examples/01/new.py").read_text() == "new"


def test_the_record_is_replaced_as_a_whole(home: Path, examples: Path) -> None:
    homes.welcome(home, examples)
    record = home / homes.OWN / "welcome.json"
    before = record.read_text()
    (home / "held").hardlink_to(record)
    (examples / "01/new.py").write_text("new")
    homes.welcome(home, examples)
    assert (home / "held").read_text() == before != record.read_text()


@pytest.fixture
def overlay(home: Path, tmp_path: Path) -> homes.Overlay:
    """Over a small environment with one package."""
    venv = tmp_path / "environments/abc/venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "shared.py").write_text("where = 'shared'")
    (site / "both.py").write_text("where = 'shared'")
    made = homes.make_overlay(home, venv, "TensorFlow")
    (own,) = made.folder.glob("lib/python*/site-packages")
    (own / "both.py").write_text("where = 'own'")
    return made


def run(overlay: homes.Overlay, code: str) -> str:
    done = subprocess.run([overlay.python, "-I", "-c", code], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def test_an_overlay_sees_the_environment_and_its_own_first(overlay: homes.Overlay) -> None:
    assert run(overlay, "import shared; print(shared.where)") == "shared"
    assert run(overlay, "import both; print(both.where)") == "own"


def test_an_overlay_installs_into_itself(overlay: homes.Overlay) -> None:
    place = run(overlay, "import sysconfig; print(sysconfig.get_path('purelib'))")
    assert Path(place).is_relative_to(overlay.folder)


def test_an_overlay_is_made_once(overlay: homes.Overlay, home: Path) -> None:
    before = (overlay.jupyter_path / "kernels/python3/kernel.json").stat()
    homes.make_overlay(home, overlay.environment, "TensorFlow")
    assert (overlay.jupyter_path / "kernels/python3/kernel.json").stat() == before
