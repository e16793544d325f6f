"""Folders in folders, deeper than what calls itself can go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labdock_service.folders import delete_folder


@contextmanager
def nested(folder: Path, depth: int = 1500) -> Iterator[Path]:
    """So many folders in each other below one, with a file in the last; deleted afterwards."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=place)
            inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = inner
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    finally:
        os.close(place)
    try:
        yield folder / "/".join(["d"] * depth) / "file"
    finally:
        delete_folder(folder / "d")
