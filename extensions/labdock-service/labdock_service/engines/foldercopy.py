"""Copying a layer for a worker to work in, so that nothing it does reaches the layer."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

_AT_ONCE = 2**30


def copy_folder(source: Path, target: Path) -> None:
    """Copy a tree, links as links; what it holds may be written by its owner.

    File systems that can share blocks do (reflink); hard links never, since they are the
    layer's own files.
    """
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_file, dirs_exist_ok=True)
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)  # noqa: PTH101


def _copy_file(source: str, target: str) -> None:
    with open(source, "rb") as old, open(target, "wb") as new:  # noqa: PTH123
        mode = stat.S_IMODE(os.fstat(old.fileno()).st_mode)
        os.fchmod(new.fileno(), mode | stat.S_IWUSR)
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), _AT_ONCE):
                pass
        except OSError:
            shutil.copyfileobj(old, new)
