"""A worker dies at every point of saving: the next attempt has the last whole backup."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labdock_runtime.backupfile import Folder, look, newest_of_all
from labdock_runtime.curvefiles import cut

POINTS = ["before", "in the file", "before its name", "after its name", "before deleting", "never"]


class Died(BaseException):
    """kill -9, as far as the code that runs can tell."""


class DyingFile:
    """Dies when half of what is to be written was."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self._file = file
        self._left = left

    def write(self, data: bytes) -> None:
        self._file.write(data[: self._left])
        self._left -= len(data)
        if self._left < 0:
            raise Died


class DyingFolder(Folder):
    """Dies at one point of saving."""

    point = "never"

    def _write(
        self, file: IO[bytes], about: Mapping[str, Any], groups: Mapping[str, Sequence[Any]]
    ) -> None:
        if self.point == "before":
            raise Died
        cut_off: Any = DyingFile(file, 150) if self.point == "in the file" else file
        super()._write(cut_off, about, groups)

    def _put(self, half: Path, path: Path) -> None:
        if self.point == "before its name":
            raise Died
        super()._put(half, path)
        if self.point == "after its name":
            raise Died

    def _settle(self, path: Path, older: list[Path]) -> None:
        if self.point != "before deleting":
            super()._settle(path, older)


def save(folder: Folder, number: int) -> None:
    folder.save(number, {"step": number}, {"weights": [np.full((4, 5), number, "float32")]})
    folder.settle()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_while_saving_loses_what_it_was_saving(
    tmp_path: Path, point: str
) -> None:
    folder = DyingFolder(tmp_path / "fit-1", attempt=1)
    for number in (1, 2):
        save(folder, number)
    folder.point = point
    died = False
    try:
        save(folder, 3)
    except Died:
        died = True
    assert died == (point not in ("before deleting", "never"))
    found = Folder(tmp_path / "fit-1", attempt=2).newest()
    assert found is not None
    assert found.about["step"] == (2 if point in POINTS[:3] else 3)
    assert (found.read()["weights"][0] == found.about["step"]).all()


def test_a_backup_that_was_cut_short_by_a_power_loss_is_passed_over(tmp_path: Path) -> None:
    folder = DyingFolder(tmp_path / "fit-1", attempt=1)
    folder.point = "before deleting"
    for number in (1, 2):
        save(folder, number)
    newest = max((tmp_path / "fit-1").iterdir())
    whole = newest.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        newest.write_bytes(whole[:size] + b"\0" * (len(whole) - size - 1))
        found = newest_of_all(tmp_path, 2)
        assert found is not None and found.about["step"] == 1


def test_an_attempt_restores_only_what_older_ones_left(tmp_path: Path) -> None:
    old = Folder(tmp_path / "fit-1", attempt=1)
    save(old, 7)
    own = Folder(tmp_path / "fit-1", attempt=2)
    save(own, 1)
    slow = Folder(tmp_path / "fit-1", attempt=2).newest()
    assert slow is not None and slow.about["step"] == 7, "of another worker, still to load"
    own.keep_only(slow)
    later = Folder(tmp_path / "fit-1", attempt=3).newest()
    assert later is not None and later.about["step"] == 1, "the newer attempt's"


def test_one_backup_is_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "fit-1", attempt=1)
    for number in range(1, 6):
        save(folder, number)
    assert [path.name for path in (tmp_path / "fit-1").iterdir()] == ["000001-000000005.backup"]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["float32", "int64", "bool", "uint8"]),
                       st.lists(st.integers(0, 3), max_size=3)), max_size=4)
)  # fmt: skip
def test_arrays_come_back_as_they_were(kinds: list[tuple[str, list[int]]]) -> None:
    arrays = [np.random.default_rng(0).integers(0, 2, shape).astype(kind) for kind, shape in kinds]
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place, "fit-1"), attempt=1)
        folder.save(1, {}, {"a": arrays, "b": []})
        folder.settle()
        found = look(next(Path(place, "fit-1").iterdir()))
        assert found is not None
        back = found.read()
    assert back["b"] == []
    for array, again in zip(arrays, back["a"], strict=True):
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        assert (again == array).all()


def test_curves_end_where_the_backup_was_made(tmp_path: Path) -> None:
    for name in ("train/a", "train/later", "validation/later"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("0123456789")
    cut(tmp_path, {"train/a": 4, "gone": 3})
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert files == {"train", "train/a"}
    assert (tmp_path / "train/a").read_text() == "0123"
