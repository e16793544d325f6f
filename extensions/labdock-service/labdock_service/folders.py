"""Trees that people's code made: walking and deleting them; copies that cost nothing."""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

TOO_DEEP = (errno.EMFILE, errno.ENAMETOOLONG)
"""What Python says of folders in folders that `rm` deletes, however many they are."""

LONGEST_PATH = 4000
"""Bytes of a path that every call takes: Linux ends at 4096."""

PASSED_OVER = frozenset({"__pycache__", ".ipynb_checkpoints"})
"""Folders that programs fill for themselves: no person's work is in them."""


def walk(folder: Path, without: Collection[str] = ()) -> Iterator[os.DirEntry[str]]:
    """All that is below a folder, each folder before what is in it; no link is followed.

    What is in folders of the names `without` is left out.

    Unlike `os.walk` it does not call itself, so that no depth is too much for it. Passed over is
    what may not be read, is gone meanwhile, or lies so deep that it has no path.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        with contextlib.suppress(OSError):
            for entry in _listed(waiting.pop()):
                yield entry
                if entry.is_dir(follow_symlinks=False) and entry.name not in without:
                    waiting.append(entry.path)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return [entry for entry in found if len(os.fsencode(entry.path)) < LONGEST_PATH]


def delete_folder(folder: Path) -> None:
    """Delete a folder, also where parts of it are read-only; what is gone already is gone.

    Of a link in its place nothing but the link is deleted.
    """
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
        return
    _open_up(folder)
    for entry in walk(folder):
        if entry.is_dir(follow_symlinks=False):
            _open_up(entry)
    try:
        shutil.rmtree(folder, onerror=_pass_over_what_is_gone)
    except (OSError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno not in TOO_DEEP:
            raise
        subprocess.run(["rm", "-rf", "--", folder], check=True)


def _open_up(folder: os.PathLike[str]) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.chmod(folder, 0o700)  # noqa: PTH101


def _pass_over_what_is_gone(_call: object, _path: str, why: Any) -> None:
    if not isinstance(why[1], FileNotFoundError):
        raise why[1]


def link_or_copy(file: Path | str, target: Path | str) -> None:
    """Give a file's content a second name, or copy it where that cannot be done."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copy2(file, target)


@contextlib.contextmanager
def made_beside(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `folder` when nothing failed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    fresh.chmod(0o755)
    try:
        yield fresh
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.exists():  # else another `up` was first, with the same content
                raise
    finally:
        if fresh.exists():
            delete_folder(fresh)
