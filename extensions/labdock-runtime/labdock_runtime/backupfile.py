"""Backups as files: each is one file, whole or not a backup, and never changed once it is there.

Its name says which attempt made it and in which order. An attempt restores only what older ones
left, so that all workers of a gang find the same, however far the chief has come meanwhile.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

MARK = b"labdock-backup 1\n"
SUFFIX = ".backup"

Groups = dict[str, list[Any]]
"""Arrays, in groups that are restored together."""


class Found(NamedTuple):
    """A whole backup: where it is, and what it says of itself."""

    path: Path
    about: dict[str, Any]
    header: dict[str, Any]
    begin: int
    """Where the arrays begin."""

    def read(self) -> Groups:
        """Its arrays."""
        import numpy as np

        groups: Groups = {}
        with self.path.open("rb") as file:
            file.seek(self.begin)
            for name, shapes in self.header["groups"].items():
                groups[name] = []
                for dtype, shape in shapes:
                    kind = np.dtype(dtype)
                    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
                    array = np.frombuffer(file.read(size), kind).reshape(shape)
                    groups[name].append(array)
        return groups


class Folder:
    """The backups of one call of `fit`, or of one loop."""

    def __init__(self, path: Path, attempt: int) -> None:
        self._path = path
        self._attempt = attempt
        self._saved: list[Path] = []
        self._settling = threading.Thread()

    def newest(self) -> Found | None:
        """The newest whole backup that an older attempt left."""
        names = sorted(self._path.glob(f"*{SUFFIX}"), reverse=True)
        older = (name for name in names if attempt_of(name) < self._attempt)
        return next((found for name in older if (found := look(name))), None)

    def keep_only(self, found: Found) -> None:
        """Delete what nobody needs beside the backup that is restored."""
        for path in self._path.iterdir():
            if path != found.path and attempt_of(path) < self._attempt:
                path.unlink(missing_ok=True)

    def save(
        self, number: int, about: Mapping[str, Any], groups: Mapping[str, Sequence[Any]]
    ) -> None:
        """Write a backup. Once it is on the disk, the one before is deleted.

        A killed worker loses nothing that was written; a machine that loses its power may lose
        what was not on its disk yet, and then the one before is still there.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        path = self._path / f"{self._attempt:06}-{number:09}{SUFFIX}"
        half = path.with_suffix(".half")
        with half.open("wb") as file:
            self._write(file, about, groups)
        self._put(half, path)
        self.settle()
        self._settling = threading.Thread(target=self._settle, args=(path, self._saved))
        self._saved = [path]
        self._settling.start()

    def settle(self) -> None:
        """Wait until the last backup is on the disk."""
        if self._settling.is_alive():
            self._settling.join()

    def _write(
        self, file: IO[bytes], about: Mapping[str, Any], groups: Mapping[str, Sequence[Any]]
    ) -> None:
        import numpy as np

        arrays = {name: [np.asarray(a, order="C") for a in group] for name, group in groups.items()}
        checksum, size = 0, 0
        for group in arrays.values():
            for array in group:
                checksum = zlib.crc32(_bytes(array), checksum)
                size += array.nbytes
        shapes = {
            name: [[array.dtype.name, list(array.shape)] for array in group]
            for name, group in arrays.items()
        }
        header = {"about": about, "groups": shapes, "size": size, "checksum": checksum}
        file.write(MARK + json.dumps(header).encode() + b"\n")
        for group in arrays.values():
            for array in group:
                file.write(_bytes(array))

    def _put(self, half: Path, path: Path) -> None:
        half.replace(path)

    def _settle(self, path: Path, older: list[Path]) -> None:
        """Have a backup on the disk, and only then delete the one before."""
        try:
            for place in (path, path.parent):
                _sync(place)
        except OSError:
            return
        for other in older:
            self._delete(other)

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)


def _bytes(array: Any) -> memoryview | bytes:
    import numpy as np

    return memoryview(array.reshape(-1).view(np.uint8)) if array.nbytes else b""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def attempt_of(path: Path) -> int:
    """The attempt that made a backup, as its name says; 0 where it says nothing."""
    number = path.name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def look(path: Path) -> Found | None:
    """A backup, if it is whole."""
    with suppress(OSError, ValueError, KeyError), path.open("rb") as file:
        if file.readline() != MARK:
            return None
        header = json.loads(file.readline())
        begin, checksum, size = file.tell(), 0, 0
        while block := file.read(1 << 20):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
        if (size, checksum) == (header["size"], header["checksum"]):
            return Found(path, header["about"], header, begin)
    return None


def newest_of_all(checkpoints: Path, attempt: int) -> Found | None:
    """The backup that was written last of all that older attempts left."""
    paths = sorted(checkpoints.glob(f"*/*{SUFFIX}"), key=lambda path: path.name, reverse=True)
    older = (path for path in paths if attempt_of(path) < attempt)
    return next((found for path in older if (found := look(path))), None)
