"""What one attempt of a job hands on to the next: its backups and its curves.

Each attempt writes in folders of its own. A later one gets copies of what lay there, so one
that was cut off may write on for as long as it likes: nobody reads it any more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from labdock_service.folders import delete_folder, link_or_copy

MOST_TRIES = 20
"""How often a folder is copied anew because somebody changed it meanwhile."""

CopyFile = Callable[[str, str], object]


def checkpoints(folder: Path, attempt: int) -> Path:
    """Where an attempt keeps its backups, in its job's folder."""
    return folder / "checkpoints" / str(attempt)


def curves(drawn: Path, attempt: int) -> Path:
    """Where an attempt writes its curves, in its job's folder for them."""
    return drawn / str(attempt)


def hand_on(folder: Path, drawn: Path, attempt: int, shown: Path, *, lost: bool = False) -> None:
    """Give the next attempt what this one left in its job's folder, and of curves in `drawn`.

    `shown` is where TensorBoard finds the job. A second name for a backup is enough, unless its
    writer was lost and may still be there. Files of curves are appended to by whoever has them
    open, so they are copied.
    """
    keep = _copy if lost else link_or_copy
    _pass_on(checkpoints(folder, attempt), checkpoints(folder, attempt + 1), keep)
    before, after = curves(drawn, attempt), curves(drawn, attempt + 1)
    _pass_on(before, after, _copy)
    if after.is_dir():
        show(drawn, attempt + 1, shown)
    for left in (checkpoints(folder, attempt), before):
        if left.is_dir():
            delete_folder(left)


def show(drawn: Path, attempt: int, shown: Path) -> None:
    """Let TensorBoard find the curves of this attempt, unless it shows a later one's."""
    place = curves(drawn, attempt)
    if _number(shown) >= attempt:
        return
    drawn.mkdir(parents=True, exist_ok=True)
    shown.parent.mkdir(parents=True, exist_ok=True)
    if shown.is_dir() and not shown.is_symlink():
        shown.rename(place)  # curves of a job that an older Labdock began
    place.mkdir(exist_ok=True)
    lead(shown, place)


def lead(shown: Path, place: Path) -> None:
    """Have what is shown be what lies at this place, from one moment to the next."""
    fresh = place.parent / f".shown.{os.urandom(4).hex()}"
    fresh.symlink_to(os.path.relpath(place, shown.parent), target_is_directory=True)
    fresh.replace(shown)


def _number(shown: Path) -> int:
    """The attempt whose curves are shown, 0 where there are none."""
    return int(shown.readlink().name) if shown.is_symlink() else 0


def _pass_on(before: Path, after: Path, copy: CopyFile) -> None:
    if after.exists() or not before.is_dir():
        return
    fresh = after.with_name(f".{after.name}.{os.urandom(4).hex()}")
    try:
        _copy_as_it_lay(before, fresh, copy)
        _sync(fresh)
        with suppress(FileExistsError):
            fresh.rename(after)
        _sync(after.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _copy_as_it_lay(before: Path, fresh: Path, copy: CopyFile) -> None:
    """Copy a folder as it was at one moment, though somebody may write in it meanwhile."""
    for _ in range(MOST_TRIES):
        shutil.rmtree(fresh, ignore_errors=True)
        listing = sorted(before.rglob("*"))
        with suppress(shutil.Error, FileNotFoundError):
            shutil.copytree(before, fresh, symlinks=True, copy_function=copy)
            if sorted(before.rglob("*")) == listing:
                return
    raise OSError(f"{before.name} changes all the time")


def _copy(source: str, target: str) -> None:
    """Copy a file, and have it on the disk before its original is deleted."""
    shutil.copy2(source, target)
    _sync(Path(target))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
