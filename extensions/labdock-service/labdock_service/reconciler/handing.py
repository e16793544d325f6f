"""What one attempt of a job hands on to the next: its backups and its curves.

Each attempt writes in folders of its own. A later one gets copies of what lay there, so one
that was cut off may write on for as long as it likes: nobody reads it any more.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from labdock_service.folders import delete_folder, link_or_copy, walk
from labdock_service.plainfile import open_plain

MOST_TRIES = 20
"""How often a folder is copied anew because somebody changed it meanwhile."""

CHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)
"""Why a file cannot be copied that is another, or none, since its folder was read."""

CopyFile = Callable[[Path, Path], object]


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


def hide(drawn: Path, attempt: int, shown: Path) -> None:
    """Let TensorBoard find a job's curves no more; `show` can have them found again."""
    if shown.is_symlink() or not shown.is_dir():
        shown.unlink(missing_ok=True)
        return
    drawn.mkdir(parents=True, exist_ok=True)
    shown.rename(curves(drawn, attempt))  # curves of a job that an older Labdock ran


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
        delete_folder(fresh)


def _copy_as_it_lay(before: Path, fresh: Path, copy: CopyFile) -> None:
    """Copy a folder as it was at one moment, though somebody may write in it meanwhile."""
    for _ in range(MOST_TRIES):
        delete_folder(fresh)
        listing = _listed(before)
        try:
            _copy_tree(before, fresh, copy)
        except OSError as error:
            if error.errno not in CHANGED:
                raise
        else:
            if _listed(before) == listing:
                return
    raise OSError(f"{before.name} changes all the time")


def _listed(folder: Path) -> list[str]:
    return sorted(entry.path for entry in walk(folder))


def _copy_tree(before: Path, fresh: Path, copy: CopyFile) -> None:
    """Copy folders, regular files and links as links; a pipe or a socket is nothing to keep."""
    fresh.mkdir(parents=True)
    for entry in walk(before):
        place = Path(entry.path)
        target = fresh / place.relative_to(before)
        if entry.is_symlink():
            target.symlink_to(place.readlink())
        elif entry.is_dir():
            target.mkdir()
        elif entry.is_file():
            copy(place, target)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, and have it on the disk before its original is deleted."""
    with os.fdopen(open_plain(source), "rb") as old, target.open("xb") as new:
        shutil.copyfileobj(old, new)
        seen = os.fstat(old.fileno())
        os.fchmod(new.fileno(), stat.S_IMODE(seen.st_mode))
        os.utime(new.fileno(), ns=(seen.st_atime_ns, seen.st_mtime_ns))
        os.fsync(new.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
