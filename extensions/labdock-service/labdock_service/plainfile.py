"""Reading files that somebody else may have put a link, a pipe or something huge in place of."""

import errno
import os
import stat
from pathlib import Path


def open_plain(path: Path) -> int:
    """Open a regular file for reading; no link is followed, and no pipe waited for.

    Raises OSError for whatever else is there.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file")


def read_plain(path: Path, most: int) -> bytes:
    """The content of such a file, as far as `most` bytes."""
    with os.fdopen(open_plain(path), "rb") as file:
        return file.read(most)
