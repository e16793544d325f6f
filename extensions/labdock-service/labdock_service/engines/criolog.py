"""Writing a worker's output in the log format of container runtimes (CRI).

A line is `TIME STREAM F TEXT`; one that is too long is in several parts, `TIME STREAM P TEXT`
each, the last of them `F`. The text is the worker's bytes as they are.
"""

import time

LONGEST_PART = 64 * 1024
"""Bytes of a line that has not ended yet before a part of it is written."""


def timestamp(nanoseconds: int) -> bytes:
    """A time in RFC 3339 with nanoseconds, in UTC."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return b"%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode(), rest)


class LineWriter:
    """Turns one stream's output, as it comes, into lines of the log.

    It holds at most a part of a line, and it works on whole blocks of output instead of
    lines, so that a worker that writes without end costs neither memory nor a core.
    What is `masked`, the longest first and never with a line's end in it, is written as `***`.
    """

    def __init__(self, stream: str, masked: tuple[bytes, ...] = ()) -> None:
        self._masked = masked
        self._held = max(map(len, masked), default=1) - 1
        """Bytes at the end of a part that may be the beginning of one of them."""
        self._full = b" %s F " % stream.encode()
        self._part = b" %s P " % stream.encode()
        self._rest = b""
        self._open = False

    def feed(self, output: bytes, nanoseconds: int) -> bytes:
        """What to append to the log for this output."""
        stamp = timestamp(nanoseconds)
        output = self._rest + output
        end = output.rfind(b"\n")
        log = b""
        if end >= 0:
            prefix = stamp + self._full
            self._open = False
            log = prefix + self._mask(output[:end]).replace(b"\n", b"\n" + prefix) + b"\n"
        self._rest = output[end + 1 :]
        if len(self._rest) > LONGEST_PART:
            self._rest = self._mask(self._rest)
        if len(self._rest) > LONGEST_PART + self._held:
            cut = _character_end(self._rest[: len(self._rest) - self._held])
            log += stamp + self._part + self._rest[:cut] + b"\n"
            self._rest = self._rest[cut:]
            self._open = True
        return log

    def _mask(self, output: bytes) -> bytes:
        for text in self._masked:
            output = output.replace(text, b"***")
        return output

    def finish(self, nanoseconds: int) -> bytes:
        """What to append at the end of the output: a last line that has no line end."""
        return self.feed(b"\n", nanoseconds) if self._rest or self._open else b""


def _character_end(text: bytes) -> int:
    """Where to cut so that no UTF-8 character is cut in two."""
    for back in range(1, 5):
        byte = text[-back]
        if byte & 0xC0 != 0x80:
            return len(text) - back if byte >= 0xC0 else len(text)
    return len(text)
