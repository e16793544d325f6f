"""The router: `/services/endpoints/PROJECT/NAME`, from a key to a revision's model server.

It needs two tables on disk and nothing else: with the hub, the service and the reconciler
down, endpoints go on answering. A newer router takes the port over from an older one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import uvicorn
import uvloop
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from labdock_service.errors import ServiceError, TooLarge, Unavailable
from labdock_service.forward import away, open_session, send
from labdock_service.processes import claim
from labdock_service.serving.listening import listen
from labdock_service.serving.routing import Address, Tables, choose, read_address
from labdock_service.serving.tables import Route
from labdock_service.statefolder import StateFolder
from labdock_service.web import QuietServer

BODY_LIMIT = 64 * 1024 * 1024
UPSTREAM_TIMEOUT = 60.0
"""Seconds that a model server may take: twice its own limit for a request."""
LAME = 1.0
"""Seconds between SIGTERM and closing open connections; each is told to close in an answer."""
GRACE = 8
"""Seconds that requests in flight then get: together less than `claim` waits."""

SAFE = {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""On every answer: what a model says must not act on the hub's origin."""


class Router:
    """The ASGI application."""

    def __init__(self, tables: Tables, session: aiohttp.ClientSession, prefix: str) -> None:
        self._tables = tables
        self._session = session
        self._prefix = prefix.rstrip("/") + "/"
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, _limited(receive))
        try:
            response = await self._answer(request)
        except ServiceError as error:
            response = _refusal(error)
        if self.draining:
            response.headers["Connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1").removeprefix(self._prefix)
        address = read_address(request.method, path)
        authorization = request.headers.get("authorization", "")
        route = self._tables.open(address, authorization, time.time())
        if int(request.headers.get("content-length", "0")) > BODY_LIMIT:
            raise _too_large()
        await request.body()  # kept by the request, so that it can be sent twice
        return await self._ask(request, address, route)

    async def _ask(self, request: Request, address: Address, route: Route | None) -> Response:
        """Ask a revision, and another one where nobody listened and so nothing was sent."""
        refused = None
        for _ in range(2):
            target = choose(route.traffic, refused) if route else None
            if target is None:
                break
            headers = {**SAFE, "Labdock-Revision": target.revision}
            try:
                return await send(
                    self._session, request, address.under(target), add_response=headers
                )
            except aiohttp.ClientConnectorError:
                refused, route = target.url, self._tables.find(address)
            except (aiohttp.ClientError, OSError):
                return away(SAFE)
        raise Unavailable(
            f"No revision of '{address.project}/{address.name}' answers now: "
            "look at the endpoint's state, or try again in a moment."
        )


def _limited(receive: Receive) -> Receive:
    """Receive no more of a body than the limit."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_LIMIT:
            raise _too_large()
        return message

    return receive_some


def _too_large() -> TooLarge:
    return TooLarge(f"The request's body is larger than {BODY_LIMIT} bytes: send less at once.")


def _refusal(error: ServiceError) -> Response:
    body = {"error": error.code, "detail": str(error), "field": error.field}
    extra = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}
    return JSONResponse(body, error.status, headers={**SAFE, **extra.get(error.status, {})})


class _Server(QuietServer):
    """Leaves signals to the router, which drains before it closes."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(state: StateFolder, environment: Mapping[str, str]) -> None:
    """Serve where the hub says until SIGTERM. Raises OSError where that cannot be."""
    url = urlsplit(environment["JUPYTERHUB_SERVICE_URL"])
    listener = listen(url.hostname or "127.0.0.1", url.port or 80)
    async with open_session(timeout=UPSTREAM_TIMEOUT) as session:
        router = Router(Tables(state.run), session, environment["JUPYTERHUB_SERVICE_PREFIX"])
        server = _Server(_config(router))
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.to_thread(claim, state, "router")
        await stop.wait()
        router.draining = True
        if server.server_state.connections:
            await asyncio.sleep(LAME)
        server.end()
        await serving


def _config(router: Router) -> uvicorn.Config:
    return uvicorn.Config(
        router,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
    )


def main() -> int:
    """Run the router; 2 where its port cannot be used.

    What it needs of the settings comes as an argument: reading them takes 9 MB.
    """
    if "JUPYTERHUB_SERVICE_URL" not in os.environ:
        print("The hub starts the router: run `make up`.", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(prog="python -m labdock_service.router")
    parser.add_argument("--state", type=Path, required=True, help="the state folder")
    state = StateFolder(parser.parse_args().state)
    try:
        uvloop.run(serve(state, os.environ))
    except OSError as error:
        print(f"The router cannot listen: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
