"""Copies of jobs' files in a home: renewed while nobody changed them, and beside one that was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest

from labdock.client import Client
from labdock.errors import Mistake
from labdock.fetching import NoRoom, fetch
from labdock.schema import Job
from labdock.transport import Download

JOB: dict[str, object] = {
    "project": "ada",
    "owner": "ada",
    "name": "my job / 1",
    "snapshot": "s1",
    "entry": "a.ipynb",
    "image": None,
    "state": "succeeded",
    "target": "succeeded",
    "workers": 1,
    "resources": {},
    "parameters": {},
    "arguments": [],
    "time_limit": None,
    "max_attempts": 1,
    "disable": [],
    "created": 0.0,
}


class OneFile:
    """A client of a service that has one job with one file."""

    content = b"first"
    size: int | None = None

    def job(self, job_id: str) -> Job:
        return msgspec.convert(JOB | {"id": job_id}, Job)

    @contextmanager
    def download(self, job_id: str, path: str) -> Iterator[Download]:
        del job_id, path
        yield Download(self.pieces(), self.size)

    def pieces(self) -> Iterator[bytes]:
        yield from (self.content[:2], self.content[2:])


def bring(service: OneFile, home: Path, path: str = "out/a.ipynb") -> tuple[str, str | None]:
    made = fetch(cast(Client, service), home, "j1", path)
    return made.path, made.beside


PLACE = "labdock-jobs/my-job-1-j1/out/a.ipynb"


def test_a_copy_is_renewed_as_long_as_nobody_changes_it(tmp_path: Path) -> None:
    service = OneFile()
    assert bring(service, tmp_path) == (PLACE, None)
    service.content = b"second"
    assert bring(service, tmp_path) == (PLACE, None)
    assert (tmp_path / PLACE).read_bytes() == b"second"


def test_what_a_person_changed_is_kept_and_a_copy_lies_beside_it(tmp_path: Path) -> None:
    service = OneFile()
    bring(service, tmp_path)
    (tmp_path / PLACE).write_bytes(b"notes of mine")
    beside = PLACE.replace("a.ipynb", "a-2.ipynb")
    assert bring(service, tmp_path) == (beside, PLACE)
    assert bring(service, tmp_path) == (beside, PLACE)
    assert (tmp_path / PLACE).read_bytes() == b"notes of mine"
    (tmp_path / beside).write_bytes(b"more of mine")
    assert bring(service, tmp_path) == (PLACE.replace("a.ipynb", "a-3.ipynb"), PLACE)


def test_nothing_is_left_of_a_copy_that_was_cut_off(tmp_path: Path) -> None:
    class CutOff(OneFile):
        def pieces(self) -> Iterator[bytes]:
            yield b"half"
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        bring(CutOff(), tmp_path)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_copy_of_one_file_is_never_written_over_by_another(tmp_path: Path) -> None:
    service = OneFile()
    bring(service, tmp_path)
    (tmp_path / PLACE).write_bytes(b"notes of mine")
    beside = PLACE.replace("a.ipynb", "a-2.ipynb")
    assert bring(service, tmp_path) == (beside, PLACE)
    service.content = b"another file"
    second = PLACE.replace("a.ipynb", "a-3.ipynb")
    for _ in range(2):
        assert bring(service, tmp_path, "out/a-2.ipynb") == (second, beside)
    service.content = b"first, renewed"
    assert bring(service, tmp_path) == (beside, PLACE)
    assert (tmp_path / second).read_bytes() == b"another file"


def test_nothing_is_left_of_a_copy_that_finds_no_place(tmp_path: Path) -> None:
    (tmp_path / PLACE).mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        bring(OneFile(), tmp_path)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a/../../b", "", ".labdock-copies.json"])
def test_no_copy_goes_elsewhere(path: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no file of a job"):
        bring(OneFile(), tmp_path, path)


def test_no_copy_goes_through_a_link(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "labdock-jobs").symlink_to(elsewhere)
    with pytest.raises(Mistake, match="leads out of your home"):
        bring(OneFile(), home)


class TooLarge(OneFile):
    """The same with a file that no disk has room for."""

    size = 10**15

    def pieces(self) -> Iterator[bytes]:
        yield b""
        raise AssertionError("none of it is read")


def test_a_copy_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        NoRoom, match=r"a\.ipynb has 1000 TB, and the disk of your home has .* left"
    ):
        bring(TooLarge(), tmp_path)
    assert not list((tmp_path / "labdock-jobs/my-job-1-j1/out").iterdir())
