"""The reverse proxy, against a real upstream and a real client."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from labdock_service.forward import away, open_session, send

GONE = web.AppKey("GONE", asyncio.Event)


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    answer = {
        "headers": {k.title(): v for k, v in request.headers.items()},
        "path": request.path_qs,
        "length": len(body),
    }
    response = web.json_response(answer, headers={"X-Up": "1", "Connection": "x-up"})
    response.headers["Clear-Site-Data"] = '"*"'
    response.set_cookie("jupyterhub-hub-login", "stolen")
    return response


async def zipped(_request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"plain"), headers={"Content-Encoding": "gzip"})


async def slow(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"first")
    try:
        await asyncio.Event().wait()
    finally:
        request.app[GONE].set()
    return response


@pytest.fixture
async def gone() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def upstream(gone: asyncio.Event) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1 << 30)
    app[GONE] = gone
    app.add_routes([web.get("/zipped", zipped), web.get("/slow", slow)])
    app.add_routes([web.route("*", "/{rest:.*}", echo)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def proxy(upstream: str) -> AsyncIterator[str]:
    async with open_session() as session:

        async def handle(request: Request) -> Response:
            path = request.scope["raw_path"].decode()
            headers = {"X-Content-Type-Options": "nosniff"}
            try:
                return await send(session, request, upstream + path, add_response=headers)
            except aiohttp.ClientConnectorError:
                return away(headers)

        methods = ["GET", "POST", "PUT", "HEAD"]
        app = Starlette(routes=[Route("/{path:path}", handle, methods=methods)])
        with socket.socket(proto=socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                await task


async def test_credentials_stay_and_hop_by_hop_headers_go_no_further(upstream: str) -> None:
    headers = {
        "Cookie": "a=b",
        "Authorization": "token secret",
        "Referer": "http://hub/?token=secret",
        "Connection": "x-mine",
        "X-Mine": "1",
        "X-Kept": "2",
    }
    async with (
        proxy(upstream) as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/a%2Fb?x=1&token=secret&y=%20", headers=headers) as answer,
    ):
        said = await answer.json()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for absent in ("X-Up", "Set-Cookie", "Clear-Site-Data"):
            assert absent not in answer.headers
    assert said["path"] == "/a%2Fb?x=1&y=%20"
    assert said["headers"]["X-Kept"] == "2"
    assert not {"Cookie", "Authorization", "Referer", "X-Mine"} & said["headers"].keys()
    assert "secret" not in str(said)


async def test_bodies_of_any_size_and_kind_pass(upstream: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    async with proxy(upstream) as url, aiohttp.ClientSession() as client:
        async with client.post(f"{url}/", data=chunks()) as answer:
            assert (await answer.json())["length"] == 100_000_000
        async with client.put(f"{url}/", data=b"12345") as answer:
            said = await answer.json()
            assert (said["length"], said["headers"]["Content-Length"]) == (5, "5")
        async with client.get(f"{url}/zipped") as answer:
            assert await answer.read() == b"plain"
        async with client.head(f"{url}/zipped") as answer:
            assert answer.status == 200


async def test_an_upstream_that_is_away_gives_a_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with (
            proxy(nobody) as url,
            aiohttp.ClientSession() as client,
            client.post(url, data=b"1") as answer,
        ):
            assert answer.status == 503
            assert (await answer.json())["detail"].endswith("Try again in a moment.")


async def test_a_client_that_leaves_ends_the_upstream_request(
    upstream: str, gone: asyncio.Event
) -> None:
    async with proxy(upstream) as url, aiohttp.ClientSession() as client:
        async with client.get(f"{url}/slow") as answer:
            assert await answer.content.readany() == b"first"
        await asyncio.wait_for(gone.wait(), 90)
