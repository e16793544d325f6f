"""JupyterLab's way to the service: the person's server adds its token, so the page holds none."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import httpx
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from labdock import transport
from labdock.connection import Connection, find_connection
from labdock.errors import LabdockError, NotConnected
from labdock.notebookserver.answers import JsonHandler

PATH = "labdock/api"
MOST_BODY = 2_000_000
"""Bytes of a request: what is larger goes to the service without a browser."""

PASSED = ("Content-Type", "Content-Length", "Content-Disposition", "Retry-After")
"""Headers of an answer that the browser gets; the service's other ones are this server's."""


class ServicePlace:
    """The service, and connections to it that are kept."""

    def __init__(self) -> None:
        self._clients: dict[Connection, httpx.AsyncClient] = {}

    def connect(self) -> tuple[Connection, httpx.AsyncClient]:
        """Where it is, and a client for it. Raises NotConnected."""
        found = find_connection()
        if found not in self._clients:
            self._clients[found] = httpx.AsyncClient(
                headers={
                    "Authorization": f"token {found.token}",
                    "Accept-Encoding": "identity",  # what comes is passed on as it is
                },
                timeout=httpx.Timeout(transport.STREAM_SILENCE, connect=5.0),
                limits=httpx.Limits(max_connections=None),
                trust_env=not found.local,
                verify=transport.trusted(found),
            )
        return found, self._clients[found]


class ServiceHandler(JsonHandler):
    """`labdock/api/...` is the service's `api/...`: JSON goes there; JSON, events and files come.

    Nothing else of the hub can be reached, nor what is for its admins, whose notebooks run what
    others wrote. What comes is never shown as a page. A page that is open asks by itself: that is
    no sign that a person is at work.
    """

    _track_activity = False

    def initialize(self, place: ServicePlace) -> None:
        """Take what the server's extension made."""
        self.place = place

    @property
    def content_security_policy(self) -> str:
        """A file that a job wrote is no page of this server, whatever is in it."""
        return "default-src 'none'; sandbox"

    @authenticated
    async def get(self, path: str) -> None:
        """Pass a question on."""
        await self._pass_on(path)

    @authenticated
    async def post(self, path: str) -> None:
        """Pass an order on."""
        await self._pass_on(path)

    put = patch = delete = post

    async def _pass_on(self, path: str) -> None:
        if problem := self._refusal(path):
            self.tell(*problem)
            return
        try:
            found, client = self.place.connect()
            async with client.stream(**self._request(found)) as answer:
                await self._stream(answer, found)
        except httpx.TransportError as error:
            if self._headers_written:
                self.finish()  # the stream is cut off, and its reader opens another
                return
            self.tell(503, "unavailable", str(transport.silent(error, found)))
        except LabdockError as error:
            self.tell(503, "not_connected", str(error))
        except StreamClosedError:
            pass  # who asked has gone

    def _refusal(self, path: str) -> tuple[int, str, str] | None:
        parts = unquote(path).replace("\\", "/").split("/")
        if {".", ".."} & set(parts) or next(filter(None, parts), "") == "admin":
            return 404, "not_found", "There is nothing at this address."
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if self.request.body and kind != "application/json":
            return 415, "invalid", "Only JSON is sent from a page."
        if len(self.request.body) > MOST_BODY:
            return 413, "too_large", "This is too large to be sent from a page."
        return None

    def _request(self, found: Connection) -> dict[str, Any]:
        rest = self.request.uri.partition(f"{self.base_url}{PATH}/")[2]
        asked = self.request.headers
        kept = {name: asked[name] for name in ("Accept", "Last-Event-ID") if name in asked}
        if self.request.body:
            kept["Content-Type"] = "application/json"
        return {
            "method": self.request.method,
            "url": f"{found.api}{rest}",
            "headers": kept,
            "content": self.request.body,
        }

    async def _stream(self, answer: httpx.Response, found: Connection) -> None:
        if not answer.is_success:
            await answer.aread()
            self._explain(answer, found)
            return
        self.set_status(answer.status_code)
        self.clear_header("Content-Type")
        for name in PASSED:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        async for chunk in answer.aiter_raw():
            self.write(chunk)
            await self.flush()
        self.finish()

    def _explain(self, answer: httpx.Response, found: Connection) -> None:
        """The service's problem as it is; what is not from the service, as a sentence."""
        error = transport.translate(answer, found)
        body = transport.body_of(answer.content)
        if wait := answer.headers.get("Retry-After"):
            self.set_header("Retry-After", wait)
        if isinstance(error, NotConnected) or "detail" not in body:
            self.tell(503, "unavailable", str(error))
        else:
            self.tell(answer.status_code, str(body["error"]), str(error), body.get("field"))
