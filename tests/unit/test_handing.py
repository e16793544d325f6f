"""What an attempt hands on to the next, and what an older one can still do about it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tests.support.folders import nested

from labdock_service.folders import delete_folder
from labdock_service.reconciler.handing import checkpoints, curves, hand_on, show


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs/j1"


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return tmp_path / "curves/vision/j1"


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    return tmp_path / "tensorboard/vision/digits-j1"


def begin(folder: Path, drawn: Path, shown: Path, attempt: int = 1) -> None:
    """As an engine does: the folders are there when the worker starts."""
    show(drawn, attempt, shown)
    for place in (checkpoints(folder, attempt), curves(drawn, attempt)):
        place.mkdir(parents=True, exist_ok=True)


def put(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_the_next_attempt_has_what_this_one_left(folder: Path, drawn: Path, shown: Path) -> None:
    begin(folder, drawn, shown)
    put(checkpoints(folder, 1) / "fit-1/1.backup", "weights")
    put(curves(drawn, 1) / "train/events", "points")
    assert (shown / "train/events").read_text() == "points"
    hand_on(folder, drawn, 1, shown)
    assert (checkpoints(folder, 2) / "fit-1/1.backup").read_text() == "weights"
    assert (shown / "train/events").samefile(curves(drawn, 2) / "train/events")
    assert not checkpoints(folder, 1).exists() and not curves(drawn, 1).exists()


def test_done_again_it_ends_the_same(folder: Path, drawn: Path, shown: Path) -> None:
    begin(folder, drawn, shown)
    put(checkpoints(folder, 1) / "fit-1/1.backup", "weights")
    for _ in range(2):
        hand_on(folder, drawn, 1, shown)
        assert (checkpoints(folder, 2) / "fit-1/1.backup").read_text() == "weights"


def test_an_attempt_that_left_nothing_hands_nothing_on(
    folder: Path, drawn: Path, shown: Path
) -> None:
    hand_on(folder, drawn, 1, shown)
    assert not folder.exists() and not drawn.exists() and not shown.exists()


def test_what_an_older_attempt_writes_later_is_not_read(
    folder: Path, drawn: Path, shown: Path
) -> None:
    begin(folder, drawn, shown)
    backup = put(checkpoints(folder, 1) / "fit-1/1.backup", "weights")
    events = put(curves(drawn, 1) / "train/events", "points")
    with backup.open("a") as of_weights, events.open("a") as of_points:
        hand_on(folder, drawn, 1, shown, lost=True)
        begin(folder, drawn, shown, 2)
        of_weights.write(" and more")
        of_points.write(" and more")
    put(checkpoints(folder, 1) / "fit-1/2.backup", "later")
    put(curves(drawn, 1) / "train/events.2", "later")
    begin(folder, drawn, shown, 1)
    (kept,) = checkpoints(folder, 2).rglob("*.backup")
    assert kept.read_text() == "weights"
    assert [path.name for path in (shown / "train").iterdir()] == ["events"]
    assert (shown / "train/events").read_text() == "points"


def test_curves_of_a_job_that_an_older_labdock_began_are_kept(
    folder: Path, drawn: Path, shown: Path
) -> None:
    put(shown / "train/events", "points")
    begin(folder, drawn, shown, 2)
    assert shown.is_symlink() and (shown / "train/events").read_text() == "points"
    hand_on(folder, drawn, 2, shown)
    assert (shown / "train/events").samefile(curves(drawn, 3) / "train/events")


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_no_file_is_not_handed_on(
    folder: Path, drawn: Path, shown: Path, lost: bool
) -> None:
    begin(folder, drawn, shown)
    for place in (checkpoints(folder, 1), curves(drawn, 1)):
        put(place / "kept", "text")
        (place / "link").symlink_to("/etc/shadow")
        os.mkfifo(place / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            here = os.open(place, os.O_RDONLY)
            listening.bind(f"/proc/self/fd/{here}/socket")
            os.close(here)
    hand_on(folder, drawn, 1, shown, lost=lost)
    for place in (checkpoints(folder, 2), curves(drawn, 2)):
        assert {path.name for path in place.iterdir()} == {"kept", "link"}
        assert (place / "link").readlink() == Path("/etc/shadow")


def test_folders_in_folders_are_handed_on(folder: Path, drawn: Path, shown: Path) -> None:
    begin(folder, drawn, shown)
    with nested(checkpoints(folder, 1)) as last:
        hand_on(folder, drawn, 1, shown, lost=True)
        after = checkpoints(folder, 2)
        assert (after / last.relative_to(checkpoints(folder, 1))).is_file()
        delete_folder(after)
