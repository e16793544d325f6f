"""Deleting a tree, also one that may not be written; copies that cost nothing."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any


def delete_folder(folder: Path) -> None:
    """Delete a folder, also where parts of it are read-only; what is gone already is gone.

    Of a link in its place nothing but the link is deleted.
    """
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
        return
    for inner, _, _ in os.walk(folder):
        with contextlib.suppress(FileNotFoundError):
            os.chmod(inner, 0o700)  # noqa: PTH101
    shutil.rmtree(folder, onerror=_pass_over_what_is_gone)


def _pass_over_what_is_gone(_call: object, _path: str, why: Any) -> None:
    if not isinstance(why[1], FileNotFoundError):
        raise why[1]


def link_or_copy(file: Path | str, target: Path | str) -> None:
    """Give a file's content a second name, or copy it where that cannot be done."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copy2(file, target)
