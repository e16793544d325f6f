"""Reading a worker's log back, from the beginning or after a cursor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, cast

from labdock import wording
from labdock_service.engines.base import LogRecord
from labdock_service.errors import Invalid

LONGEST_RECORD = 256 * 1024
"""Bytes after which a line that goes on is given out in pieces."""

Stream = Literal["stdout", "stderr"]
_STREAMS: tuple[Stream, Stream] = ("stdout", "stderr")


class LogReader:
    """Turns blocks of a log file into records. It is pure: the caller reads the file.

    A cursor is the offset after a record. Where the other stream was in the middle of a long
    line then, the offsets follow at which each stream's next record begins, and reading
    begins at the first of them.
    """

    def __init__(self, cursor: str | None = None) -> None:
        self._skip = _parse_cursor(cursor)
        self.offset = min(self._skip.values())
        """Where in the file the next block begins."""
        self._line_start = self.offset
        self._rest: list[bytes] = []
        self._left_out = 0
        self._parts = {stream: _Parts(start) for stream, start in self._skip.items()}
        self._seconds: tuple[bytes, float] = (b"", 0.0)

    def feed(self, block: bytes) -> Iterator[LogRecord]:
        """The records that end in this block."""
        self.offset += len(block)
        *lines, rest = block.split(b"\n")
        for line in lines:
            if self._rest:
                line = b"".join([*self._rest, line])
                self._rest = []
            elif line[:1] == b"\0":
                line = self._pass_zeros(line)
            yield from self._read(line)
        if rest[:1] == b"\0" and not self._rest:
            rest = self._pass_zeros(rest)
        if rest:
            self._rest.append(rest)

    def skip(self, offset: int) -> None:
        """Go on where the log does, after what was cut out of it."""
        self._left_out += offset - self._line_start
        self.offset = self._line_start = offset
        self._rest = []

    def _pass_zeros(self, line: bytes) -> bytes:
        """Without the zeros at the edge of what was cut out: a line begins with its time."""
        text = line.lstrip(b"\0")
        self._left_out += len(line) - len(text)
        self._line_start += len(line) - len(text)
        return text

    def _read(self, line: bytes) -> Iterator[LogRecord]:
        start, end = self._line_start, self._line_start + len(line) + 1
        self._line_start = end
        fields = line.split(b" ", 3)
        if self._left_out:
            yield self._say_left_out(self._time(fields[0]), start)
        stream = cast(Stream, fields[1].decode("ascii", "replace")) if len(fields) == 4 else None
        if stream not in self._parts or start < self._skip[stream]:
            return
        parts = self._parts[stream]
        parts.add(fields[3], start)
        if fields[2] == b"F" or parts.size >= LONGEST_RECORD:
            text = parts.take(end)
            yield LogRecord(
                time=self._time(fields[0]), stream=stream, text=text, cursor=self._cursor(end)
            )

    def _say_left_out(self, time: float, start: int) -> LogRecord:
        for parts in self._parts.values():
            parts.take(start)
        text = f"labdock: {wording.size(self._left_out)} of output are left out here."
        self._left_out = 0
        return LogRecord(time=time, stream="stderr", text=text, cursor=str(start))

    def _time(self, stamp: bytes) -> float:
        """Lines of one block share their time, so the last one is kept."""
        if stamp != self._seconds[0]:
            self._seconds = (stamp, parse_time(stamp))
        return self._seconds[1]

    def _cursor(self, end: int) -> str:
        starts = [parts.start if parts.size else end for parts in self._parts.values()]
        if min(starts) == end:
            return str(end)
        return "-".join(str(number) for number in (end, *starts))


class _Parts:
    """What was read of a stream's line so far, and where that begins."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.size = 0
        self._texts: list[bytes] = []

    def add(self, text: bytes, start: int) -> None:
        if not self._texts:
            self.start = start
        self._texts.append(text)
        self.size += len(text)

    def take(self, end: int) -> str:
        text = b"".join(self._texts).decode(errors="replace")
        self.start, self.size, self._texts = end, 0, []
        return text


def _parse_cursor(cursor: str | None) -> dict[Stream, int]:
    numbers = (cursor or "0").split("-")
    if len(numbers) not in (1, 3) or not all(n.isascii() and n.isdigit() for n in numbers):
        raise Invalid("That cursor is of no log; leave it out to read from the beginning.")
    starts = numbers[1:] or numbers * 2
    return {stream: int(start) for stream, start in zip(_STREAMS, starts, strict=True)}


def parse_time(stamp: bytes) -> float:
    """A line's time in seconds since 1970; 0 for what is no time."""
    try:
        whole, _, fraction = stamp.decode("ascii").rstrip("Z").partition(".")
        moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return moment.timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0
