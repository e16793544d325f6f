"""From Docker's log of a container to a worker's own, whose last line says how far it is.

So any process may carry on, and a line that the disk did not take is taken later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from labdock_service import linux
from labdock_service.engines.logreader import parse_time
from labdock_service.engines.outputlog import LogFile

_STREAMS = {1: b"stdout", 2: b"stderr"}
_HEADER = 8
"""Bytes before each of Docker's frames: the stream, three zeros, the length."""
_STAMP = len("2026-01-01T00:00:00.000000000Z")
_PIECE = 16 * 1024
"""Bytes of a line after which Docker begins another frame."""
_TAIL = 2 * _PIECE
"""Bytes in which the last line of a log is for certain."""


def carry(output_since: Callable[[str], bytes], log: Path) -> None:
    """Append what Docker has of a container's output and the log has not. Raises OSError.

    The caller holds the worker's lock. A log that grows too large loses its middle.
    """
    file = os.open(log, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(file).st_size
        last = _last_stamp(file, size)
        frames = _frames(output_since(_seconds(last)))
        lines = b"".join(_line(stream, text) for stream, text in frames if text[:_STAMP] > last)
        if lines:
            _append(file, lines, size)
            _cut(file, size + len(lines))
    finally:
        os.close(file)


def _last_stamp(file: int, size: int) -> bytes:
    """The time of the log's last line; of an empty one that of no time."""
    tail = os.pread(file, _TAIL, max(0, size - _TAIL))
    return tail.removesuffix(b"\n").rpartition(b"\n")[2][:_STAMP]


def _seconds(stamp: bytes) -> str:
    """As Docker is told a time: the whole seconds since 1970, and so some lines once more."""
    return str(int(parse_time(stamp)))


def _frames(output: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEADER <= len(output):
        length = int.from_bytes(output[at + 4 : at + _HEADER], "big")
        yield _STREAMS[output[at]], output[at + _HEADER : at + _HEADER + length]
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
