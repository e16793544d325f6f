"""What the host does in a home that a container is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.folders import nested

from labdock_service.confinement import account
from labdock_service.people.containerhomes import make_places


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "homes/p1"


def make(home: Path, *projects: str) -> dict[str, Path]:
    return make_places(home, home.parents[1] / "roots", projects)


def test_each_root_has_its_place(home: Path) -> None:
    roots = home.parents[1] / "roots"
    assert make(home, "digits") == {
        "data": roots / "data",
        "projects/digits": roots / "projects/digits",
    }
    for folder in (home, home / "data", home / "projects/digits", roots / "projects/digits"):
        assert folder.is_dir() and not folder.is_symlink()
        assert (folder.stat().st_uid, folder.stat().st_gid) == account()


def test_a_home_of_folders_in_folders_becomes_theirs(home: Path) -> None:
    home.mkdir(parents=True)
    with nested(home) as last:
        make(home)
        assert last.stat().st_uid == account()[0]


def test_nothing_runs_as_root() -> None:
    assert 0 not in account()


@pytest.mark.parametrize("name", ["data", "projects", "projects/digits"])
def test_a_link_in_the_way_is_kept_beside_and_not_followed(home: Path, name: str) -> None:
    elsewhere = home.parents[1] / "elsewhere"
    elsewhere.mkdir()
    (home / name).parent.mkdir(parents=True)
    (home / name).symlink_to(elsewhere)
    make(home, "digits")
    assert (home / name).is_dir() and not (home / name).is_symlink()
    (aside,) = (home / name).parent.glob(f"{Path(name).name}.aside-*")
    assert aside.readlink() == elsewhere and [*elsewhere.iterdir()] == []


def test_a_home_that_is_a_link_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    home.parent.mkdir(parents=True)
    home.symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match=r"directory|symbolic"):
        make(home)
    assert [*(tmp_path / "theirs").iterdir()] == []


def test_what_the_person_put_there_stays(home: Path) -> None:
    make(home)
    (home / "projects/mine").mkdir()
    (home / "projects/mine/file").write_text("mine")
    make(home, "digits")
    assert (home / "projects/mine/file").read_text() == "mine"
