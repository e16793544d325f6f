"""HTTP/1.1 for one handler: keep-alive, pipelining, chunks, limits and a clean end.

A handler may answer at once, which is the fast way, or with an awaitable. Answers leave in
the order of the requests. Nothing waits for one client: who reads or writes slowly is
paused, and closed when nothing moves any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httptools

from labdock_model_server.errors import error_body

logger = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024 * 1024
LINGER = 2.0
"""Seconds that a refused client gets to read why, before its connection is closed."""


@dataclass(frozen=True)
class Limits:
    """How large a body may be, and how many seconds a client may be idle or stand still."""

    body: int = BODY_LIMIT
    idle: float = 120.0
    stalled: float = 30.0


@dataclass(slots=True)
class Request:
    """A whole request."""

    method: bytes
    url: bytes
    body: bytes
    encoding: bytes


@dataclass(slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: bytes


@dataclass(slots=True)
class _Turn:
    """A request in its place on a connection: whether that stays open, and speaks HTTP/1.0."""

    request: Request
    keep: bool
    old: bool


Handler = Callable[[Request], Answer | Awaitable[Answer]]

_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: "
    % (status.value, status.phrase.encode())
    for status in HTTPStatus
}


def _unexpected() -> Answer:
    """The answer to what nobody foresaw; the traceback is for the log alone."""
    logger.exception("A request could not be answered.")
    return Answer(500, error_body("The server could not answer this request: its log says why."))


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Turn | Answer] = deque()
        self._answering: asyncio.Future[Answer] | None = None
        self._deaf = False
        self._ending = False
        self._writable = True
        self._in_message = False
        self._last_moved = 0.0
        self._clear()

    def _clear(self) -> None:
        self._url = b""
        self._encoding = b""
        self._expects = False
        self._body: list[bytes] = []
        self._size = 0

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and be counted."""
        self._transport = cast(asyncio.Transport, transport)
        self._last_moved = self._loop.time()
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget what waits; what is being computed ends by itself."""
        self._waiting.clear()
        self._deaf = True
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what is complete."""
        self._last_moved = self._loop.time()
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError:
            self._refuse(400, "Malformed request: this is not HTTP/1.1.")

    def pause_writing(self) -> None:
        """Read no more of a client that does not read its answers."""
        self._writable = False
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with what waits."""
        self._writable = True
        self._last_moved = self._loop.time()
        self._next()

    def eof_received(self) -> bool:
        """A client may stop sending and still read: keep its side open while it is answered."""
        self._ending = self._pending
        return self._ending

    # the parser's side

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_message = True
        self._clear()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Heed the few headers that matter here."""
        lowered = name.lower()
        if lowered == b"content-encoding":
            self._encoding = value.lower()
        elif lowered == b"content-length" and int(value) > self._server.limits.body:
            self._refuse_size()
        elif lowered == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Let a client that asks first send its body."""
        if self._expects and not self._deaf:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._size += len(body)
        if self._size > self._server.limits.body:
            self._refuse_size()
        if not self._deaf:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request, or let it wait for those before it."""
        self._in_message = False
        if self._deaf:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        turn = _Turn(
            Request(self._parser.get_method(), self._url, body, self._encoding),
            self._parser.should_keep_alive() and not self._parser.should_upgrade(),
            self._parser.get_http_version() == "1.0",
        )
        if self._pending or not self._writable:
            self._waiting.append(turn)
            self._transport.pause_reading()
        else:
            self._answer(turn)

    # answering

    @property
    def _pending(self) -> bool:
        return self._answering is not None or bool(self._waiting)

    def _answer(self, turn: _Turn) -> None:
        try:
            answer = self._server.handler(turn.request)
        except Exception:
            answer = _unexpected()
        if isinstance(answer, Answer):
            self._send(answer, turn)
            return
        self._answering = asyncio.ensure_future(answer)
        self._answering.add_done_callback(lambda done: self._answered(done, turn))

    def _answered(self, done: asyncio.Future[Answer], turn: _Turn) -> None:
        self._answering = None
        self._last_moved = self._loop.time()
        try:
            answer = done.result()
        except Exception:
            answer = _unexpected()
        if not self._transport.is_closing():
            self._send(answer, turn)
            self._next()

    def _next(self) -> None:
        """Answer what waits, as far as that goes, and read on once nothing does."""
        while self._waiting and self._answering is None and self._writable:
            turn = self._waiting.popleft()
            if isinstance(turn, Answer):
                self._part(turn)
            else:
                self._answer(turn)
        if self._writable and not self._waiting and not self._transport.is_closing():
            self._transport.resume_reading()

    def _send(self, answer: Answer, turn: _Turn) -> None:
        last = (self._server.draining or self._ending) and not self._waiting
        keep = turn.keep and not last
        connection = b""
        if turn.old or not keep:
            connection = b"\r\nConnection: keep-alive" if keep else b"\r\nConnection: close"
        body = b"" if turn.request.method == b"HEAD" else answer.body
        self._write(answer, connection, body)
        if not keep:
            self._deaf = True
            self._waiting.clear()
            self._transport.close()

    def _write(self, answer: Answer, connection: bytes, body: bytes) -> None:
        self._transport.write(
            b"%b%d%b\r\n\r\n%b" % (_LINES[answer.status], len(answer.body), connection, body)
        )

    def _refuse_size(self) -> None:
        most = self._server.limits.body
        self._refuse(413, f"The request's body is larger than {most} bytes: send less at once.")

    def _refuse(self, status: int, message: str) -> None:
        """Heed nothing more, and say why once all before it is answered."""
        if self._deaf:
            return
        self._deaf = True
        self._in_message = False
        self._body.clear()
        answer = Answer(status, error_body(message))
        if self._pending:
            self._waiting.append(answer)
        else:
            self._part(answer)

    def _part(self, answer: Answer) -> None:
        """Send the last answer, and close once the client had time to read it."""
        self._write(answer, b"\r\nConnection: close", answer.body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(LINGER, self._transport.close)

    # the server's side

    @property
    def busy(self) -> bool:
        """Whether a request is being received or answered, or an answer is being sent."""
        unsent = self._transport.get_write_buffer_size()
        return self._pending or self._in_message or unsent > 0

    def close_if_stalled(self, now: float) -> None:
        """Close a client that keeps the connection open and does nothing."""
        if self._answering is not None:
            return
        still = now - self._last_moved
        if still > (self._server.limits.stalled if self.busy else self._server.limits.idle):
            self._transport.abort()

    def close_if_idle(self) -> None:
        """Close when there is nothing left to answer."""
        if not self.busy:
            self._transport.close()


class Server:
    """Listens, and ends without dropping what it has taken."""

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.draining = False
        self.connections: set[Connection] = set()
        self.loop = asyncio.get_running_loop()
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        self._listener = await self.loop.create_server(
            lambda: Connection(self), host, port, backlog=1024
        )
        self.port: int = self._listener.sockets[0].getsockname()[1]
        self._watch = self.loop.create_task(self._close_stalled())

    async def _close_stalled(self) -> None:
        while True:
            await asyncio.sleep(min(self.limits.stalled, self.limits.idle) / 4)
            now = self.loop.time()
            for connection in list(self.connections):
                connection.close_if_stalled(now)

    async def drain(self, grace: float, lame: float = 1.0) -> None:
        """Accept nobody, answer who is there with `Connection: close`, then close the rest.

        For `lame` seconds open connections may still send a request: a client that found
        the connection open and was about to use it is answered.
        """
        self.draining = True
        self._listener.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_gone(), lame)
        end = self.loop.time() + grace
        while self.connections and self.loop.time() < end:
            for connection in list(self.connections):
                connection.close_if_idle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone(), 0.05)
        self._watch.cancel()

    async def _all_gone(self) -> None:
        self._empty.clear()
        if self.connections:
            await self._empty.wait()

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()
