"""What the service's web processes share: headers on every answer, and an end in good order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import Callable, Mapping
from types import FrameType
from urllib.parse import SplitResult, urlsplit

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRACE = 5
"""Seconds that requests in flight get at the end."""

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Guard:
    """Sets security headers that the app did not set, and turns away addresses with a NUL."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        app = _turn_away if b"%00" in scope["raw_path"] + scope["query_string"] else self._app
        await app(scope, receive, send_guarded)


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "This address holds a NUL character."
    response = JSONResponse({"error": "invalid", "detail": detail, "field": None}, 400)
    await response(scope, receive, send)


class QuietServer(uvicorn.Server):
    """Wakes up for requests and for its end, where uvicorn looks ten times a second.

    It is made in the loop that it serves on.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()

    async def main_loop(self) -> None:
        """Wait until it is to end."""
        await self._ending.wait()

    def end(self) -> None:
        """Take no more requests, answer those in flight, and be done."""
        self.should_exit = True
        self._ending.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End at a signal, which comes between two instructions and wakes no loop by itself."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self.end)


class Server(QuietServer):
    """Serves an app; at the end it ends open streams before it waits for them."""

    def __init__(
        self, app: ASGIApp, on_end: Callable[[], None], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # the hub's proxy dates every answer
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; what is in memory now stays.

        Looking through it for garbage would hold up every answer for a fifth of a second, again
        and again.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open."""
        self._on_end()
        await super().shutdown(sockets)


def serve(app: ASGIApp, url: str, on_end: Callable[[], None]) -> None:
    """Serve at the address that the hub gave this service, until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(KeyboardInterrupt):  # raised once more when it has ended
        asyncio.run(_serve(app, urlsplit(url), on_end))


async def _serve(app: ASGIApp, address: SplitResult, on_end: Callable[[], None]) -> None:
    server = Server(app, on_end, address.hostname or "127.0.0.1", address.port or 80)
    await server.serve()
