"""Requests to models from JupyterLab: this server makes a key that soon expires, the page none."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import httpx
from tornado.web import authenticated

from labdock import errors, serving
from labdock.client import default_client
from labdock.notebookserver.answers import JsonHandler

PATH = r"labdock/predict/([^/]+)/([^/]+)"
MOST_BODY = 10_000_000
"""Bytes of a request: what is larger is sent by a program."""
MOST_ANSWER = 20_000_000
"""Bytes of an answer: a page shows no more."""
AT_ONCE = 4
"""Requests that are on their way together: models that are slow hold up nothing else here."""


class AskedEndpoint(serving.Endpoint):
    """Is asked one time: whoever waits at a page asks again."""

    def _send(self, where: str, **options: Any) -> httpx.Response:
        return self.client.transport.exchange_once("POST", where, MOST_ANSWER, **options)


class AskedEndpoints:
    """The endpoints that were asked from here, each with its key."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(AT_ONCE, "labdock-predict")
        self._found: dict[tuple[str, str], AskedEndpoint] = {}
        self._lock = threading.Lock()

    def ask(self, project: str, name: str, body: bytes) -> serving.Answer:
        """Send a request in TensorFlow Serving's form. Raises a LabdockError."""
        with self._lock:
            endpoint = self._found.get((project, name))
        if endpoint is None:
            endpoint = AskedEndpoint(default_client().endpoint(project, name), default_client())
        try:
            answer = endpoint.exchange(body)
        except errors.NotFound:
            with self._lock:
                self._found.pop((project, name), None)  # deleted, and perhaps made anew
            raise
        with self._lock:
            self._found[project, name] = endpoint
        return answer


class PredictionHandler(JsonHandler):
    """`POST labdock/predict/PROJECT/NAME`: the model's answer, with the header Labdock-Revision."""

    def initialize(self, endpoints: AskedEndpoints) -> None:
        """Take what the server's extension made."""
        self.endpoints = endpoints

    @property
    def content_security_policy(self) -> str:
        """What a model says is no page of this server."""
        return "default-src 'none'; sandbox"

    @authenticated
    async def post(self, project: str, name: str) -> None:
        """Pass a request on to the model."""
        if len(self.request.body) > MOST_BODY:
            self.tell(413, "too_large", "This is too large to be sent from a page.")
            return
        asked = unquote(project), unquote(name), self.request.body
        try:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self.endpoints.threads, self.endpoints.ask, *asked)
        except errors.LabdockError as error:
            self.refuse(error)
            return
        if answer.revision:
            self.set_header(serving.REVISION, answer.revision)
        self.set_header("Cache-Control", "no-store")
        self.finish(answer.content)
