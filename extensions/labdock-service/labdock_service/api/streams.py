"""Server-sent events: nothing is polled, and nothing outlives its client or the service.

sse-starlette is not what serves them: it looks twice a second whether the server ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from labdock_service.api.parts import Parts
from labdock_service.errors import ServiceError
from labdock_service.waiting import wait

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events; the data of each is JSON.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("event", "id", "data")},
                    "required": ["event", "data"],
                }
            }
        },
    }
}
"""The answer of a route that streams, for its OpenAPI document."""

PING_SECONDS = 15.0
CHECK_SECONDS = 30.0
PING = b": ping\n\n"
MOST_WAITING = 2000
"""Messages that wait for a slow client before their source has to wait."""


def event_stream(
    parts: Parts,
    request: Request,
    projects: Collection[str],
    messages: AsyncIterator[bytes],
    *,
    admin: bool = False,
) -> StreamingResponse:
    """An answer that streams the messages, for as long as the caller may see these projects.

    With `admin`, for as long as they are an admin.
    """
    allowed = _StillAllowed(parts, request, frozenset(projects), admin)
    return StreamingResponse(
        _batches(parts, allowed, messages),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        media_type="text/event-stream",
    )


async def _batches(
    parts: Parts, allowed: _StillAllowed, messages: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """What is there at once is sent at once; a ping where there is nothing for a while."""
    yield PING
    with parts.wakeups.listening() as ready:
        waiting = _Waiting(ready)
        pump = asyncio.create_task(waiting.fill(messages))
        try:
            while not parts.wakeups.closed and await allowed.check():
                came = await wait(ready, PING_SECONDS)
                ready.clear()
                if batch := waiting.take() or (b"" if came else PING):
                    yield batch
                elif pump.done():
                    pump.result()
                    return
        finally:
            pump.cancel()
            await asyncio.wait([pump])


class _Waiting:
    """Messages between their source and the client."""

    def __init__(self, ready: asyncio.Event) -> None:
        self._ready = ready
        self._messages: list[bytes] = []
        self._room = asyncio.Event()

    async def fill(self, messages: AsyncIterator[bytes]) -> None:
        try:
            async for item in messages:
                self._messages.append(item)
                self._ready.set()
                while len(self._messages) >= MOST_WAITING:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._ready.set()

    def take(self) -> bytes:
        taken = b"".join(self._messages)
        self._messages.clear()
        self._room.set()
        if taken:
            self._ready.set()  # the source may have ended meanwhile
        return taken


class _StillAllowed:
    """Asks now and then whether who opened a stream may go on reading it."""

    def __init__(
        self, parts: Parts, request: Request, projects: frozenset[str], admin: bool
    ) -> None:
        self._parts = parts
        self._request = request
        self._projects = projects
        self._admin = admin
        self._next = asyncio.get_running_loop().time() + CHECK_SECONDS

    async def check(self) -> bool:
        """Whether the stream goes on: not after its token was revoked or a project was left."""
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return True
        self._next = now + CHECK_SECONDS
        try:
            user = await self._parts.login.user(self._request)
            person = await self._parts.people.person(user)
        except ServiceError as error:
            return error.status == 503
        if self._admin and not person.admin:
            return False
        return self._projects <= {project.id for project in person.projects}
