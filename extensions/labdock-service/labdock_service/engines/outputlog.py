"""From the pipes that a worker writes into to the log on the disk.

Of the supervisor's imports: small, standard library only.
"""

import errno
import os
import time
from contextlib import suppress

from labdock_service import linux
from labdock_service.engines.criolog import LineWriter

DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of a disk, which say nothing of the worker: it goes on."""

_BLOCK = 256 * 1024


class LogFile:
    """The log on the disk: all that was written or, where that is too much, its two ends.

    What lies between them becomes a hole in the file, so that every cursor stays what it was;
    who reads says how much is left out. Where the file system makes no holes, the beginning
    is all there is.
    """

    HEAD = 64 * 2**20
    TAIL = 192 * 2**20
    STEP = 16 * 2**20
    """How much the tail grows before its beginning is cut off."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._marks: list[int] = []
        """Ends of lines: where the head ends, then where each step of the tail does."""
        self._lost = 0
        self._closed = False

    def append(self, lines: bytes) -> None:
        """Write lines. A disk that is full or fails loses them, which the log says later."""
        if self._closed:
            return
        if self._lost:
            said = f"the disk was full or failed, and {self._lost} bytes of output were lost"
            if self._write(b"\n" + _own_line(said)):
                self._lost += len(lines)
                return
            self._lost = 0
        self._lost += self._write(lines)
        if not self._lost:
            self._cut()

    def sync(self) -> None:
        """Have all of it on the disk, and last of all what was lost."""
        self.append(b"")
        with suppress(OSError):
            os.fsync(self._file)

    def _write(self, lines: bytes) -> int:
        """How many bytes the disk did not take."""
        left = memoryview(lines)
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except OSError as error:
                if error.errno not in DISK_FAULTS:
                    raise
                break
        return len(left)

    def _cut(self) -> None:
        size = os.fstat(self._file).st_size
        if size < (self._marks[-1] + self.STEP if self._marks else self.HEAD):
            return
        self._marks.append(size)
        if len(self._marks) > 2 and size - self._marks[1] >= self.TAIL:
            start, end = self._marks[:2]
            try:
                linux.punch_hole(self._file, start, end - start)
            except OSError:
                self._closed = True
                self._write(_own_line("this log is full, and what follows is left out"))
            del self._marks[1]


def _own_line(sentence: str) -> bytes:
    return LineWriter("stderr").feed(b"labdock: %s\n" % sentence.encode(), time.time_ns())


class OutputLog:
    """The worker's output, from its pipes to the file `log`."""

    def __init__(self, masked: tuple[bytes, ...] = ()) -> None:
        self._masked = masked
        self._file = LogFile("log")
        self._writers: dict[str, LineWriter] = {}
        self.sources: dict[str, int] = {}
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
        self._file.append(self._writers[stream].feed(output, time.time_ns()))
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
            self._file.append(writer.finish(time.time_ns()))
        self.sync()

    def sync(self) -> None:
        """Have the log on the disk, or say in it what is not."""
        self._file.sync()

    def note(self, sentence: str) -> None:
        """Say something of Labdock's own in the log."""
        self._file.append(_own_line(sentence))
