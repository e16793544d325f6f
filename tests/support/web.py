"""Apps served for a test, in its own event loop, at a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from starlette.types import ASGIApp

from labdock_service.web import Server


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, on_end: Callable[[], None] = lambda: None) -> AsyncIterator[str]:
    """The app's address."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # else asyncio leaves Nagle on
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = Server(app, on_end)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.end()
            await task
