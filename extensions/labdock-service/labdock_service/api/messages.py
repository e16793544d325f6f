"""The messages of a stream of server-sent events; their form is FastAPI's."""

from __future__ import annotations

import msgspec
from fastapi.sse import format_sse_event


def message(kind: str, data: object, number: int | None = None) -> bytes:
    """One event of a stream, its data as JSON."""
    return format_sse_event(
        event=kind,
        data_str=msgspec.json.encode(data).decode(),
        id=None if number is None else str(number),
    )
