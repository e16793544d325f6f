"""What a job may put in the place of a file, and what the service makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labdock_service.engines import statusfile
from labdock_service.folders import delete_folder
from labdock_service.plainfile import read_plain


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


PLACED: dict[str, Callable[[Path], object]] = {
    "a link": link,
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


@pytest.mark.parametrize("place", PLACED.values(), ids=PLACED)
def test_what_is_no_plain_file_is_neither_followed_nor_waited_for(
    tmp_path: Path, place: Callable[[Path], object]
) -> None:
    place(tmp_path / "status.json")
    with pytest.raises(OSError, match=r"\w"):
        read_plain(tmp_path / "status.json", 100)
    assert statusfile.read(tmp_path) is None


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert read_plain(tmp_path / "file", 10) == b"x" * 10


@pytest.mark.parametrize(
    "text", ["", "{}", "[", "[" * 4000, '{"state": 1}', '{"state": "on"}', "3"]
)
def test_a_status_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "status.json").write_text(text)
    assert statusfile.read(tmp_path) is None


def test_a_status_that_is_overwritten_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "status.json").touch()
    statusfile.overwrite(tmp_path, {"state": "running", "reason": "long " * 100})
    statusfile.overwrite(tmp_path, {"state": "ended"})
    assert statusfile.read(tmp_path) == {"state": "ended"}


def test_of_a_link_in_place_of_a_folder_only_the_link_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o755)
    (tmp_path / "theirs/file").touch()
    (tmp_path / "mine").symlink_to("theirs")
    delete_folder(tmp_path / "mine")
    assert (tmp_path / "theirs/file").exists() and not (tmp_path / "mine").is_symlink()
    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o755
