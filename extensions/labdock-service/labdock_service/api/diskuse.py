"""What each folder of the state takes on the disk: measured now and then, beside all else."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

from labdock.adminschema import Disk, DiskFolder

GOOD_FOR = 600.0
"""Seconds until it is measured again: there may be millions of files."""
LONGEST = 1800.0


class DiskUse:
    """Measures when somebody asks, and answers at once with what was measured before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._measuring = False
        self._measured: float | None = None
        self._folders: list[DiskFolder] = []

    def look(self, folder: Path) -> Disk:
        """How full the disk is now, and what the folders in this one took lately."""
        disk = shutil.disk_usage(folder)
        with self._lock:
            old = self._measured is None or time.time() - self._measured > GOOD_FOR
            if old and not self._measuring:
                self._measuring = True
                threading.Thread(target=self._measure, args=(folder,), daemon=True).start()
            return Disk(
                total=disk.total, free=disk.free, folders=self._folders, measured=self._measured
            )

    def _measure(self, folder: Path) -> None:
        found: list[DiskFolder] = []
        try:
            found = _measured(folder)
        finally:
            with self._lock:
                self._measuring = False
                self._measured, self._folders = time.time(), found or self._folders


def _measured(folder: Path) -> list[DiskFolder]:
    """The largest first; files that several folders share count for the first alone."""
    names = sorted(item.name for item in folder.iterdir())
    command = ["nice", "-n", "19", "du", "-s", "-B1", "--one-file-system", "--", *names]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    lines = (line.partition("\t") for line in done.stdout.splitlines())
    found = [DiskFolder(name=name, bytes=int(size)) for size, _, name in lines]
    return sorted(found, key=lambda one: -one.bytes)
