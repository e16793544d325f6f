"""From Docker's log of a container to a worker's own, whose last lines say how far it is.

So any process may carry on, and a line that the disk did not take is taken later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labdock_service import linux
from labdock_service.engines.logreader import parse_time
from labdock_service.engines.outputlog import LogFile

_STREAMS = {1: b"stdout"}
"""Docker's numbers of streams; what is of no stream is of stderr."""
_OWN = 3
"""The number of what Docker itself says, of a log that it cannot read: it gives it no time."""
_HEADER = 8
"""Bytes before each of Docker's frames: the stream, three zeros, the length."""
_STAMP = len("2026-01-01T00:00:00.000000000Z")
_PIECE = 16 * 1024
"""Bytes of a line after which Docker begins another frame."""
_TAIL = 8 * _PIECE
"""Bytes at the end of a log that hold some lines for certain."""


def carry(output_since: Callable[[str], bytes], log: Path) -> None:
    """Append what Docker has of a container's output and the log has not. Raises OSError.

    The caller holds the worker's lock. A log that grows too large loses its middle.
    """
    file = os.open(log, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(file).st_size
        tail = _Tail.read(file, size)
        frames = _frames(output_since(tail.since))
        found = (_line(stream, text) for stream, text in frames)
        lines = b"".join(line for line in found if tail.lacks(line))
        if lines:
            _append(file, lines, size)
            _cut(file, size + len(lines))
    finally:
        os.close(file)


@dataclass(frozen=True)
class _Tail:
    """The last lines of a log. Docker writes two streams, and not in the order of their times."""

    lines: frozenset[bytes]
    before: bytes
    """The time up to which everything is there for certain."""
    since: str
    """From when on Docker is asked, in whole seconds since 1970."""

    @classmethod
    def read(cls, file: int, size: int) -> _Tail:
        start = max(0, size - _TAIL)
        lines = os.pread(file, _TAIL, start).split(b"\n")[1 if start else 0 : -1]
        stamps = [line[:_STAMP] for line in lines]
        last = parse_time(max(stamps, default=b""))
        before = max(stamps[: (len(stamps) + 1) // 2], default=b"") if start else b""
        return cls(frozenset(lines), before, str(max(0, int(last) - 1)))

    def lacks(self, line: bytes) -> bool:
        """Whether this line is not in the log yet."""
        return line[:_STAMP] > self.before and line.removesuffix(b"\n") not in self.lines


def _frames(output: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Streams and texts; what Docker itself says has the time of the text before it."""
    at, stamp = 0, b""
    while at + _HEADER <= len(output):
        length = int.from_bytes(output[at + 4 : at + _HEADER], "big")
        text = output[at + _HEADER : at + _HEADER + length]
        if output[at] == _OWN:
            text = b"%s %s" % (stamp, text)
        stamp = text[:_STAMP]
        if parse_time(stamp):
            yield _STREAMS.get(output[at], b"stderr"), text
        at += _HEADER + length


def _line(stream: bytes, text: bytes) -> bytes:
    """`TIME TEXT` as the log has it; a whole piece without a line end goes on in the next."""
    stamp, _, rest = text.partition(b" ")
    kind = b"P" if len(rest) == _PIECE and not rest.endswith(b"\n") else b"F"
    return b"%s %s %s %s\n" % (stamp, stream, kind, rest.removesuffix(b"\n"))


def _append(file: int, lines: bytes, size: int) -> None:
    """Write lines, all or none. Raises OSError."""
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.ftruncate(file, size)
        raise


def _cut(file: int, size: int) -> None:
    if os.fstat(file).st_blocks * 512 < LogFile.HEAD + LogFile.TAIL:
        return
    start, end = (_line_end(file, at) for at in (LogFile.HEAD, size - LogFile.TAIL // 2))
    with suppress(OSError):
        linux.punch_hole(file, start, end - start)


def _line_end(file: int, at: int) -> int:
    return at + os.pread(file, _TAIL, at).find(b"\n") + 1
