"""Disks of a test's own: small ones, and ones that may only be read."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.services import require

BLOCK = 4096


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of this size, such as `16m`, at the folder."""
    folder.mkdir()
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield folder


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder whose file system may only be read."""
    with _mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield


@contextlib.contextmanager
def _mounted(folder: Path, *what: str) -> Iterator[None]:
    done = subprocess.run(["mount", *what, folder], capture_output=True, check=False)
    require(done.returncode == 0, "the right to mount a file system, which root has,")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def filled(disk: Path, *, leave: int = 0) -> Iterator[None]:
    """A disk that is full but for so many bytes, until the block ends."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while os.statvfs(disk).f_bavail * BLOCK > leave:
            file.write(bytes(BLOCK))
    try:
        yield
    finally:
        filler.unlink()
