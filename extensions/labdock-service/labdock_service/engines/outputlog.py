"""From the pipes that a worker writes into to the log on the disk.

Of the supervisor's imports: small, standard library only.
"""

import errno
import os
import time
from contextlib import suppress

from labdock_service.engines.criolog import LineWriter

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_BLOCK = 256 * 1024


class OutputLog:
    """The worker's output, from its pipes to the file `log`."""

    def __init__(self, masked: tuple[bytes, ...] = ()) -> None:
        self._masked = masked
        self._file = os.open("log", os.O_WRONLY | os.O_APPEND)
        self._writers: dict[str, LineWriter] = {}
        self.sources: dict[str, int] = {}
        self._lost = 0
        self._ended: list[int] = []

    def open(self, stream: str) -> int:
        """A pipe for this stream: returns the end to write into."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        self.sources[stream] = read
        self._writers[stream] = LineWriter(stream, self._masked)
        return write

    def copy(self, stream: str) -> bool:
        """Copy what waits in the pipe, at most a block; False where nothing does."""
        try:
            output = os.read(self.sources[stream], _BLOCK)
        except BlockingIOError:
            return False
        if not output:
            self._ended.append(self.sources[stream])
        self._append(self._writers[stream].feed(output, time.time_ns()))
        return bool(output)

    def ended(self) -> list[int]:
        """Pipes that reached their end since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def finish(self) -> None:
        """Copy what is left, and have the log on the disk."""
        for stream, writer in self._writers.items():
            while self.copy(stream):
                pass
            self._append(writer.finish(time.time_ns()))
        with suppress(OSError):
            os.fsync(self._file)

    def _append(self, lines: bytes) -> None:
        """A full disk loses output, which the log says later; the worker goes on."""
        if self._lost:
            note = b"labdock: the disk was full, and %d bytes of output were lost\n" % self._lost
            if self._write(b"\n" + LineWriter("stderr").feed(note, time.time_ns())):
                self._lost += len(lines)
                return
            self._lost = 0
        self._lost += self._write(lines)

    def _write(self, lines: bytes) -> int:
        """How many bytes there was no space for."""
        left = memoryview(lines)
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                break
        return len(left)
