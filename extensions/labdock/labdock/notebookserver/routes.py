"""The routes of a person's own server: what it alone can do for `labdock gpu` and JupyterLab.

A server alone can change what its kernels see, and knows whether one of them has a GPU open.
"""

from __future__ import annotations

import asyncio
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
from labdock.notebookserver import copies, meter, pages, service, training
from labdock.notebookserver.gpus import ServerGpus
from labdock.notebookserver.predictions import PATH as PREDICTIONS
from labdock.notebookserver.predictions import AskedEndpoints, PredictionHandler
from labdock.serverschema import AcquireRequest, ReleaseRequest, ServerFigures, ServerLease

PATH = "labdock/gpus"
FIGURES = "labdock/figures"
IDLE = "LABDOCK_RELEASE_GPU_AFTER"
"""Seconds without a running cell after which GPUs are given back; set by the hub's spawner."""
STOPPED = "LABDOCK_STOP_AFTER"
"""Seconds without anything to do after which the server is stopped; none where nobody looks."""
TITLE = "LABDOCK_ENVIRONMENT_TITLE"
"""The environment as people know it."""
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
    asked = (rf"{base}/{PREDICTIONS}", PredictionHandler, {"endpoints": AskedEndpoints()})
    copied = (rf"{base}/{copies.PATH}", copies.CopiesHandler)
    figures = (rf"{base}/{FIGURES}", FiguresHandler, {"gpus": gpus, "meter": meter.Meter()})
    app.web_app.add_handlers(".*$", [api, asked, copied, figures, *training.handlers(base)])
    told = app.web_app.settings.setdefault("page_config_data", {})
    told["labdockIdleSeconds"] = os.environ.get(STOPPED, "")
    pages.install(app)
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
            given = msgspec.convert(asked, ReleaseRequest)
            await self._answer(self.gpus.release(shut_down=given.shut_down))
        else:
            wanted = msgspec.convert(asked, AcquireRequest, strict=False)
            await self._answer(self.gpus.acquire(wanted.gpus, wanted.wait, stay=wanted.stay))

    async def _answer(self, doing: Awaitable[NotebookLease]) -> None:
        try:
            lease = msgspec.to_builtins(await doing)
        except LabdockError as error:
            self.set_status(409 if isinstance(error, Mistake) else 503)
            self.finish(json.dumps({"error": type(error).__name__, "detail": str(error)}))
            return
        shown = ServerLease(**lease, visible=self.gpus.visible, notice=self.gpus.notice)
        self.finish(msgspec.json.encode(shown))


class FiguresHandler(APIHandler):  # type: ignore[misc]  # it has no types here
    """`GET labdock/figures`: what the server uses now.

    A page that is open asks by itself: that is no sign that a person is at work.
    """

    _track_activity = False

    def initialize(self, gpus: ServerGpus, meter: meter.Meter) -> None:
        """Take what the server's extension made."""
        self.gpus = gpus
        self.meter = meter

    @authenticated
    async def get(self) -> None:
        """The figures; processes are looked at in a thread, since that may take a moment."""
        usage = await asyncio.to_thread(self.meter.read)
        figures = ServerFigures(
            cpus_used=usage.cpus,
            cpus=meter.cpu_limit(),
            memory_used=usage.memory,
            memory=meter.memory_limit(),
            environment=os.environ.get(TITLE, ""),
            gpus=len(self.gpus.visible.split(",")) if self.gpus.visible else 0,
            idle=self.gpus.idle(),
            release_after=float(os.environ.get(IDLE) or 0),
            notice=self.gpus.notice,
        )
        self.finish(msgspec.json.encode(figures))
