"""Folders that half-made things are made in, and that vanish with whoever made them.

A folder is held by a lock on itself for as long as a process that works in it lives (the
lock's descriptor may be handed on to a child). What nobody holds is left from a killed
process and is deleted by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labdock_service.folders import delete_folder
from labdock_service.statefolder import StateFolder


@dataclass(frozen=True)
class Scratch:
    """A folder to make something in; `lock` is the descriptor that holds it."""

    path: Path
    lock: int


@contextlib.contextmanager
def scratch(state: StateFolder) -> Iterator[Scratch]:
    """A folder of one's own, on the file system of layers and images."""
    place = state.cache / "making"
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    made = _make(place)
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):  # the next one sweeps what is left
            delete_folder(made.path)
        os.close(made.lock)


def publish(made: Path, final: Path) -> None:
    """Put a finished file or folder in its place; what is there already stays."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise


def _make(place: Path) -> Scratch:
    """Made again where another process took it for one left over, before it was held."""
    while True:
        path = Path(tempfile.mkdtemp(dir=place))
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return Scratch(path, lock)
        os.close(lock)


def _sweep(place: Path) -> None:
    for path in place.iterdir():
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                delete_folder(path)
            finally:
                os.close(lock)
