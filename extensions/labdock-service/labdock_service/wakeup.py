"""Wake-up pipes: a process says to another 'look again', so that nothing has to be polled."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def wake(pipe: Path) -> None:
    """Wake whoever reads the pipe. With no reader, or a full pipe, it does nothing."""
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return
        raise
    try:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(descriptor, b"\n")
    finally:
        os.close(descriptor)


def open_pipe(pipe: Path) -> int:
    """Make the pipe where it is missing and open it for reading; returns the descriptor."""
    pipe.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkfifo(pipe, 0o600)
    return os.open(pipe, os.O_RDWR | os.O_NONBLOCK)


def drain(descriptor: int) -> None:
    """Read everything that waits in the pipe."""
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 65536):
            pass
