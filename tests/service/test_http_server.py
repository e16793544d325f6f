"""The model server's HTTP, over real sockets, with a handler in the place of a model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable

import pytest

from labdock_model_server.http_server import Answer, Limits, Request, Server

WAIT = 90.0


class Handler:
    """Answers with the body; `/wait` waits for the gate, and `/fail` fails."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Answer | Awaitable[Answer]:
        self.seen.append(request)
        if request.url == b"/fail":
            raise RuntimeError("secret")
        answer = Answer(200, request.body or request.url)
        return self._later(answer) if request.url == b"/wait" else answer

    async def _later(self, answer: Answer) -> Answer:
        await self.gate.wait()
        return answer


@contextlib.asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[tuple[Server, Handler]]:
    handler = Handler()
    server = Server(handler, limits)
    await server.start("127.0.0.1", 0)
    yield server, handler
    await server.drain(0, 0)


class Client:
    """A connection to write to by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, server: Server) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def say(self, *texts: bytes) -> None:
        for text in texts:
            self.writer.write(text)
            await self.writer.drain()

    async def hear(self) -> tuple[int, bytes, bytes]:
        """The next answer: its status, head and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT)
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        body = await asyncio.wait_for(self.reader.readexactly(length), WAIT)
        return int(head.split()[1]), head, body

    async def is_closed(self) -> bool:
        return await asyncio.wait_for(self.reader.read(1), WAIT) == b""


def post(body: bytes, path: bytes = b"/", *headers: bytes) -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def test_keep_alive_and_a_body_in_pieces() -> None:
    async with serving() as (server, handler):
        client = await Client.of(server)
        for _ in range(3):
            await client.say(*(bytes([byte]) for byte in post(b"ab", b"/a?b")))
            status, head, body = await client.hear()
            assert (status, body) == (200, b"ab")
            assert b"Connection" not in head
        assert [request.url for request in handler.seen] == [b"/a?b"] * 3


async def test_pipelined_answers_keep_their_order() -> None:
    async with serving() as (server, handler):
        client = await Client.of(server)
        requests = [b"/wait", *(b"/%d" % number for number in range(100))]
        await client.say(b"".join(post(b"", path) for path in requests))
        other = await Client.of(server)
        await other.say(post(b"other"))
        assert (await other.hear())[2] == b"other"
        assert len(handler.seen) == 2
        handler.gate.set()
        assert [(await client.hear())[2] for _ in requests] == requests


async def test_chunked_bodies() -> None:
    async with serving() as (server, _):
        client = await Client.of(server)
        await client.say(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        await client.say(b"3;x=y\r\ncde\r\n0\r\n\r\n")
        assert (await client.hear())[2] == b"abcde"


@pytest.mark.parametrize(
    ("text", "said", "open_after"),
    [
        (b"GET /a HTTP/1.0\r\n\r\n", b"Connection: close", False),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"Connection: keep-alive", True),
        (b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", b"Connection: close", False),
        (
            b"GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
            b"Connection: close",
            False,
        ),
    ],
)
async def test_old_clients_and_those_who_close(text: bytes, said: bytes, open_after: bool) -> None:
    async with serving() as (server, _):
        client = await Client.of(server)
        await client.say(text)
        _, head, body = await client.hear()
        assert (said in head, body) == (True, b"/a")
        if open_after:
            await client.say(text)
            assert (await client.hear())[2] == b"/a"
        else:
            assert await client.is_closed()


async def test_a_client_that_has_said_all_is_answered() -> None:
    async with serving() as (server, handler):
        client = await Client.of(server)
        await client.say(post(b"", b"/wait") + post(b"2"))
        client.writer.write_eof()
        await asyncio.sleep(0)
        handler.gate.set()
        assert [(await client.hear())[2] for _ in range(2)] == [b"/wait", b"2"]
        assert await client.is_closed()


async def test_head_has_no_body_and_expectations_are_met() -> None:
    async with serving() as (server, _):
        client = await Client.of(server)
        await client.say(b"HEAD /abc HTTP/1.1\r\n\r\n")
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), WAIT)
        assert b"Content-Length: 4" in head
        await client.say(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert (await client.hear())[0] == 100
        await client.say(b"x")
        assert (await client.hear())[2] == b"x"


@pytest.mark.parametrize(
    "text",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n" + b"x" * 11,
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n",
    ],
)
async def test_a_body_over_the_limit_gives_413_and_a_sentence(text: bytes) -> None:
    async with serving(Limits(body=10)) as (server, handler):
        client = await Client.of(server)
        await client.say(text)
        status, _, body = await client.hear()
        assert status == 413
        assert b"send less at once" in body
        assert await client.is_closed()
        assert handler.seen == []


async def test_a_refusal_waits_for_its_turn() -> None:
    async with serving(Limits(body=10)) as (server, handler):
        client = await Client.of(server)
        await client.say(post(b"", b"/wait") + post(b"2") + post(b"x" * 11))
        other = await Client.of(server)
        await other.say(post(b"", b"/wait") + b"nonsense\r\n\r\n")
        handler.gate.set()
        heard = [(await client.hear())[0::2] for _ in range(2)]
        assert heard == [(200, b"/wait"), (200, b"2")]
        assert (await client.hear())[0] == 413
        assert [(await other.hear())[0] for _ in range(2)] == [200, 400]


async def test_what_is_not_http_gives_400() -> None:
    async with serving() as (server, _):
        client = await Client.of(server)
        await client.say(b"\x16\x03\x01\x02\x00\r\n\r\n")
        assert (await client.hear())[0] == 400
        assert await client.is_closed()


async def test_a_failing_handler_gives_500_and_no_secret() -> None:
    async with serving() as (server, _):
        client = await Client.of(server)
        await client.say(post(b"", b"/fail") + post(b"next"))
        status, _, body = await client.hear()
        assert status == 500
        assert b"secret" not in body
        assert (await client.hear())[2] == b"next"


async def test_clients_that_stand_still_block_nobody_and_are_closed() -> None:
    async with serving(Limits(stalled=0.2, idle=0.2)) as (server, _):
        still = [await Client.of(server) for _ in range(3)]
        await still[0].say(b"POST / HTTP/1.1\r\nContent-Le")
        await still[1].say(post(b"abc")[:-1])
        other = await Client.of(server)
        await other.say(post(b"x"))
        assert (await other.hear())[2] == b"x"
        for client in still:
            with contextlib.suppress(ConnectionResetError):
                assert await client.is_closed()


async def test_a_client_that_does_not_read_is_paused() -> None:
    async with serving() as (server, handler):
        client = await Client.of(server)
        large = post(b"x" * 1_000_000)
        writing = asyncio.create_task(client.say(*([large] * 60)))
        other = await Client.of(server)
        await other.say(post(b"other"))
        assert (await other.hear())[2] == b"other"
        assert len(handler.seen) < 60
        for _ in range(60):
            assert len((await client.hear())[2]) == 1_000_000
        await writing


async def test_draining_answers_all_that_was_taken() -> None:
    async with serving() as (server, handler):
        busy, half, idle = [await Client.of(server) for _ in range(3)]
        await busy.say(post(b"", b"/wait") + post(b"pipelined"))
        await half.say(post(b"half")[:-1])
        await idle.say(post(b"1"))
        assert (await idle.hear())[2] == b"1"
        draining = asyncio.create_task(server.drain(WAIT, 0.2))
        await idle.say(post(b"2"))
        assert b"Connection: close" in (await idle.hear())[1]
        assert await idle.is_closed()
        handler.gate.set()
        assert b"Connection" not in (await busy.hear())[1]
        _, head, body = await busy.hear()
        assert (b"Connection: close" in head, body) == (True, b"pipelined")
        await half.say(b"f")
        assert (await half.hear())[2] == b"half"
        await asyncio.wait_for(draining, WAIT)
        with pytest.raises(OSError):
            await Client.of(server)
