"""Requests to models from JupyterLab: this server makes a key that soon expires, the page none."""

from __future__ import annotations

import asyncio
import json
import threading
from urllib.parse import unquote

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from labdock import errors, serving
from labdock.client import default_client

PATH = r"labdock/predict/([^/]+)/([^/]+)"
MOST_BODY = 10_000_000
"""Bytes of a request: what is larger is sent by a program."""

STATUS = {errors.NotFound: 404, errors.Conflict: 409, errors.NotAllowed: 403, errors.Mistake: 400}


class AskedEndpoints:
    """The endpoints that were asked from here, each with its key."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], serving.Endpoint] = {}
        self._lock = threading.Lock()

    def ask(self, project: str, name: str, body: bytes) -> serving.Answer:
        """Send a request in TensorFlow Serving's form. Raises a LabdockError."""
        with self._lock:
            endpoint = self._found.get((project, name))
        if endpoint is None:
            endpoint = serving.Endpoint(default_client().endpoint(project, name), default_client())
        try:
            answer = endpoint.exchange(body)
        except errors.NotFound:
            with self._lock:
                self._found.pop((project, name), None)  # deleted, and perhaps made anew
            raise
        with self._lock:
            self._found[project, name] = endpoint
        return answer


class PredictionHandler(APIHandler):  # type: ignore[misc]  # it has no types here
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
            self._tell(413, "too_large", "This is too large to be sent from a page.")
            return
        asked = unquote(project), unquote(name), self.request.body
        try:
            answer = await asyncio.to_thread(self.endpoints.ask, *asked)
        except errors.LabdockError as error:
            kinds = (status for kind, status in STATUS.items() if isinstance(error, kind))
            self._tell(next(kinds, 503), type(error).__name__, str(error))
            return
        if answer.revision:
            self.set_header(serving.REVISION, answer.revision)
        self.set_header("Cache-Control", "no-store")
        self.finish(answer.content)

    def _tell(self, status: int, code: str, detail: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"error": code, "detail": detail, "field": None}))
