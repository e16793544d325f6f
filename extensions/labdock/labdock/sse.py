"""Server-sent events, read from bytes as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One event of a stream."""

    event: str
    data: str
    id: str | None = None


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Read events; comments and fields that are not known are passed over."""
    fields: dict[str, list[str]] = {}
    for line in _lines(chunks):
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif fields:
            if "data" in fields:
                yield _message(fields)
            fields = {}


def _message(fields: dict[str, list[str]]) -> Message:
    event = fields.get("event", ["message"])[-1]
    number = fields["id"][-1] if "id" in fields else None
    return Message(event, "\n".join(fields["data"]), number)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Split at line feeds only: JSON text may hold Unicode's other line separators."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")
