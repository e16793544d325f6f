"""The routes of a person's server: what it alone can do for `labdock gpu` and for JupyterLab."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable
from typing import Any

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado.ioloop import PeriodicCallback
from tornado.web import authenticated

from labdock.errors import LabdockError, Mistake
from labdock.gpuschema import NotebookLease
from labdock.notebookserver import service, training
from labdock.notebookserver.gpus import ServerGpus
from labdock.notebookserver.predictions import PATH as PREDICTIONS
from labdock.notebookserver.predictions import AskedEndpoints, PredictionHandler

PATH = "labdock/gpus"
IDLE = "LABDOCK_RELEASE_GPU_AFTER"
"""Seconds without a running cell after which GPUs are given back; set by the hub's spawner."""
LONGEST_LOOK = 60.0


def install(app: Any) -> None:
    """Add the routes to a server, and the look at whether its GPUs are used."""
    gpus = ServerGpus(app)
    base = app.web_app.settings["base_url"].rstrip("/")
    app.web_app.add_handlers(".*$", [(rf"{base}/{PATH}/?([a-z]*)", GpuHandler, {"gpus": gpus})])
    api = (
        rf"{base}/{service.PATH}/(.*)",
        service.ServiceHandler,
        {"place": service.ServicePlace()},
    )
    app.web_app.add_handlers(".*$", [api, *training.handlers(base)])
    asked = (rf"{base}/{PREDICTIONS}", PredictionHandler, {"endpoints": AskedEndpoints()})
    app.web_app.add_handlers(".*$", [asked])
    seconds = float(os.environ.get(IDLE) or 0)
    if seconds:
        look = PeriodicCallback(
            lambda: gpus.release_idle(seconds), min(LONGEST_LOOK, seconds / 4) * 1000
        )
        look.start()


class GpuHandler(APIHandler):  # type: ignore[misc]  # it has no types here
    """`GET labdock/gpus`, and `POST` to `release` and `acquire` under it."""

    def initialize(self, gpus: ServerGpus) -> None:
        """Take what the server's extension made."""
        self.gpus = gpus

    @authenticated
    async def get(self, verb: str) -> None:
        """How it stands, with what its person should know."""
        del verb
        await self._answer(self.gpus.lease())

    @authenticated
    async def post(self, verb: str) -> None:
        """Give back, or ask for."""
        asked = self.get_json_body() or {}
        if verb == "release":
            await self._answer(self.gpus.release(shut_down=bool(asked.get("shut_down"))))
        else:
            gpus, wait = int(asked.get("gpus", 1)), float(asked.get("wait", 0))
            await self._answer(self.gpus.acquire(gpus, wait, stay=bool(asked.get("stay"))))

    async def _answer(self, doing: Awaitable[NotebookLease]) -> None:
        try:
            lease = msgspec.to_builtins(await doing)
        except LabdockError as error:
            self.set_status(409 if isinstance(error, Mistake) else 503)
            self.finish(json.dumps({"error": type(error).__name__, "detail": str(error)}))
            return
        shown = {"visible": self.gpus.visible, "notice": self.gpus.notice}
        self.finish(json.dumps(lease | shown))
