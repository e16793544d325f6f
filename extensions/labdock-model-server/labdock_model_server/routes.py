"""TensorFlow Serving's REST addresses for one model."""

from __future__ import annotations

import asyncio
import os
import re
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter, thread_time
from urllib.parse import unquote

from labdock_model_server.errors import RequestError, error_body
from labdock_model_server.http_server import Answer, Request
from labdock_model_server.metadata import metadata_body, status_body
from labdock_model_server.model import Model
from labdock_model_server.pace import Kind, Pace
from labdock_model_server.prediction import Document, predict, read

_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(rf"(?i)/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<verb>classify|regress|predict)")
_GET = re.compile(rf"(?i)/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?P<verb>/metadata)?")
_LARGEST_VERSION = 2**63 - 1
_MOST_DIGITS = 1000
"""Digits, leading zeros too, that are read as a number: Python refuses much longer ones."""

LARGEST_IN_PLACE = 128 * 1024
"""Bytes of a body that may be decoded on the event loop: about half a millisecond."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Target:
    """What an address asks for."""

    verb: str
    name: str
    version: int | None
    label: str | None


@lru_cache(maxsize=1024)
def target_of(method: bytes, url: bytes) -> Target:
    """Read an address. Raises RequestError."""
    path = url.partition(b"?")[0].decode("utf-8", "replace")
    patterns = {b"POST": _POST, b"GET": _GET}
    found = patterns[method].fullmatch(path) if method in patterns else None
    if found is None:
        raise RequestError(f"Malformed request: {method.decode()} {path}")
    version = found["version"]
    if version and (len(version) > _MOST_DIGITS or int(version) > _LARGEST_VERSION):
        raise RequestError(f"Failed to convert version: {version} to numeric.")
    return Target(
        verb=(found["verb"] or "status").strip("/").lower(),
        name=unquote(found["name"] or ""),
        version=int(version) if version else None,
        label=unquote(found["label"]) if found["label"] else None,
    )


class Routes:
    """Answers requests about one model; its method `handle` is an HTTP server's handler."""

    def __init__(self, model: Model, *, body_limit: int, timeout: float) -> None:
        self._model = model
        self._body_limit = body_limit
        self._timeout = timeout
        self._pace = Pace()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "predict")

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        """Answer at once where that is quick, and otherwise from a thread."""
        try:
            target = target_of(request.method, request.url)
            if target.verb in ("status", "metadata"):
                return Answer(200, self._describe(target))
            body = request.body
            if request.encoding == b"gzip":
                body = _unzip(body, self._body_limit)
            if len(body) > LARGEST_IN_PLACE:
                return self._in_thread(lambda: self._call(target, read(body), len(body)))
            document = read(body)
            if self._model.steady and self._pace.is_short(_kind(document, len(body))):
                return self._call(target, document, len(body), perf_counter)
            return self._in_thread(lambda: self._call(target, document, len(body)))
        except RequestError as error:
            return _refusal(error)

    def _call(
        self, target: Target, document: Document, size: int, clock: Clock = thread_time
    ) -> Answer:
        """Call the model. A thread is timed by its own work, less its waits for the others."""
        self._check_model(target)
        if target.verb != "predict":
            raise RequestError(
                f"This server does not {target.verb}: use :predict.", "UNIMPLEMENTED"
            )
        signature = self._model.signature(document.signature)
        started = clock()
        answer = predict(signature, document)
        self._pace.note(_kind(document, size), clock() - started)
        return Answer(200, answer)

    async def _in_thread(self, call: Callable[[], Answer]) -> Answer:
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            return await asyncio.wait_for(running, self._timeout)
        except RequestError as error:
            return _refusal(error)
        except TimeoutError:
            late = RequestError("Timed out waiting for notification", "DEADLINE_EXCEEDED")
            return _refusal(late)

    def _describe(self, target: Target) -> bytes:
        if target.verb == "metadata":
            self._check_model(target)
            return metadata_body(self._model)
        if not target.name:
            raise RequestError("Missing model name in request.")
        if target.name != self._model.name:
            message = f"Could not find any versions of model {target.name}"
            if target.version is not None:
                message = f"Could not find version {target.version} of model {target.name}"
            raise RequestError(message, "NOT_FOUND")
        if target.version not in (None, self._model.version):
            raise RequestError(
                f"Could not find version {target.version} of model {target.name}", "NOT_FOUND"
            )
        return status_body(self._model)

    def _check_model(self, target: Target) -> None:
        """Raises RequestError where another model or version is asked for."""
        if target.label is not None:
            raise RequestError(f"Unrecognized servable version label: {target.label}")
        if target.name == self._model.name and target.version in (None, self._model.version):
            return
        wanted = f"Latest({target.name})"
        if target.version is not None:
            wanted = f"Specific({target.name}, {target.version})"
        raise RequestError(f"Servable not found for request: {wanted}", "NOT_FOUND")


def _kind(document: Document, size: int) -> Kind:
    return document.signature, size.bit_length()


def _refusal(error: RequestError) -> Answer:
    return Answer(error.status, error_body(str(error)))


def _unzip(body: bytes, limit: int) -> bytes:
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = decompressor.decompress(body, limit)
    except zlib.error:
        raise RequestError("The request's body is not gzip, which its header says it is.") from None
    if decompressor.unconsumed_tail:
        raise RequestError(
            f"The request's body is larger than {limit} bytes unpacked.", "TOO_LARGE"
        )
    return text
