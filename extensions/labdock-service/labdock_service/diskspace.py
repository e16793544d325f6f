"""The disk that holds the state: when it is full, nearly full, or may only be read."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

from labdock import wording

SPARE = 200_000_000
"""Bytes that are left for what runs already: with less, nothing new begins."""
SPARE_SHARE = 0.05
"""The same of a small disk, as a share of it."""

FULL = "Labdock's disk is full: ask an admin to make room."
READ_ONLY = "Labdock's disk can only be read now: ask an admin to look at it."

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SQLITE_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_POSTGRESQL_FULL = "53100"


def shortage(folder: Path) -> str | None:
    """A sentence where the disk of this folder has too little left to begin something new."""
    disk = shutil.disk_usage(folder)
    least = min(SPARE, disk.total * SPARE_SHARE)
    if disk.free >= least:
        return None
    return f"Waits for space on the disk: less than {wording.size(least)} are left."


def is_full(error: BaseException) -> bool:
    """Whether this, of a file or of a database, says that there is no space left."""
    found = getattr(error, "orig", error)
    return (
        getattr(found, "errno", None) in _FULL
        or getattr(found, "sqlite_errorcode", None) in _SQLITE_FULL
        or getattr(found, "sqlstate", None) == _POSTGRESQL_FULL
    )


def is_read_only(error: BaseException) -> bool:
    """Whether this says that the file system may only be read."""
    found = getattr(error, "orig", error)
    code = getattr(found, "sqlite_errorcode", None)
    sqlite = isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_READONLY
    return sqlite or getattr(found, "errno", None) == errno.EROFS
