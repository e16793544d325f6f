"""The files that TensorBoard may read: those of one project, whatever lies among them.

A job writes what it likes among its curves: links, pipes, and files that name other files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.io import gfile


class ConfinedFiles(gfile.LocalFileSystem):  # type: ignore[misc]  # it has no types
    """Files and folders below the given ones; anything else is not there."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._inside = tuple(f"{folder.resolve()}/" for folder in folders)

    def exists(self, filename: str | bytes) -> bool:
        """Whether it is a file or folder that may be read."""
        real = Path(os.path.realpath(os.fsdecode(filename)))
        return f"{real}/".startswith(self._inside) and (real.is_file() or real.is_dir())

    def isdir(self, dirname: str | bytes) -> bool:
        """Whether it is a folder that may be read."""
        return Path(os.fsdecode(dirname)).is_dir() and self.exists(dirname)

    def listdir(self, dirname: str) -> list[str]:
        """What of a folder may be read. Raises NotFoundError."""
        if not self.isdir(dirname):
            raise errors.NotFoundError(None, None, "Could not find directory")
        with os.scandir(dirname) as entries:
            return [entry.name for entry in entries if self._may_be_read(entry)]

    def glob(self, filename: str | Sequence[str]) -> list[str]:
        """What of the paths that match may be read."""
        return [path for path in super().glob(filename) if self.exists(path)]

    def stat(self, filename: str) -> gfile.StatData:
        """Its length. Raises NotFoundError."""
        if not self.exists(filename):
            raise errors.NotFoundError(None, None, "Could not find file")
        return super().stat(filename)

    def _may_be_read(self, entry: os.DirEntry[str]) -> bool:
        """Only links have to be followed: there may be many thousand files."""
        return self.exists(entry.path) if entry.is_symlink() else entry.is_file() or entry.is_dir()


def confine(folders: Sequence[Path]) -> None:
    """Let TensorBoard in this process read nothing else, other machines' files included."""
    gfile._REGISTERED_FILESYSTEMS.clear()
    gfile.FSSPEC_ENABLED = False
    gfile.register_filesystem("", ConfinedFiles(folders))
