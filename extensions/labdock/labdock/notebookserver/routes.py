"""The routes of a person's own server: what it alone can do for `labdock gpu` and JupyterLab.

A server alone can change what its kernels see, and knows whether one of them has a GPU open.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from typing import Any

import msgspec
from tornado.ioloop import PeriodicCallback
from tornado.web import authenticated

from labdock.errors import LabdockError
from labdock.gpuschema import NotebookLease
from labdock.notebookserver import copies, meter, pages, service, training
from labdock.notebookserver.answers import JsonHandler
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
    routes: list[tuple[Any, ...]] = [
        (PATH, GpuHandler, {"gpus": gpus}),
        (f"{PATH}/", GpuHandler, {"gpus": gpus}),
        (f"{PATH}/release", ReleaseHandler, {"gpus": gpus}),
        (f"{PATH}/acquire", AcquireHandler, {"gpus": gpus}),
        (FIGURES, FiguresHandler, {"gpus": gpus, "meter": meter.Meter()}),
        (copies.PATH, copies.CopiesHandler),
        (PREDICTIONS, PredictionHandler, {"endpoints": AskedEndpoints()}),
        (rf"{service.PATH}/(.*)", service.ServiceHandler, {"place": service.ServicePlace()}),
        *training.HANDLERS,
    ]
    app.web_app.add_handlers(".*$", [(f"{base}/{path}", *rest) for path, *rest in routes])
    told = app.web_app.settings.setdefault("page_config_data", {})
    told["labdockIdleSeconds"] = os.environ.get(STOPPED, "")
    pages.install(app)
    _give_back_when_idle(gpus, float(os.environ.get(IDLE) or 0))


def _give_back_when_idle(gpus: ServerGpus, seconds: float) -> None:
    if seconds:
        between = min(LONGEST_LOOK, seconds / 4) * 1000
        PeriodicCallback(lambda: gpus.release_idle(seconds), between).start()


class GpuHandler(JsonHandler):
    """`GET labdock/gpus`."""

    def initialize(self, gpus: ServerGpus) -> None:
        """Take what the server's extension made."""
        self.gpus = gpus

    @authenticated
    async def get(self) -> None:
        """How it stands, with what its person should know."""
        await self.show(self.gpus.lease())

    async def show(self, doing: Awaitable[NotebookLease]) -> None:
        """Answer the lease that comes of it."""
        try:
            lease = msgspec.to_builtins(await doing)
        except LabdockError as error:
            self.refuse(error)
            return
        self.answer(ServerLease(**lease, visible=self.gpus.visible, notice=self.gpus.notice))


class ReleaseHandler(GpuHandler):
    """`POST labdock/gpus/release`."""

    @authenticated
    async def post(self) -> None:
        """Give back."""
        await self.show(self._release())

    async def _release(self) -> NotebookLease:
        asked = self.read(ReleaseRequest)
        return await self.gpus.release(shut_down=asked.shut_down)


class AcquireHandler(GpuHandler):
    """`POST labdock/gpus/acquire`."""

    @authenticated
    async def post(self) -> None:
        """Ask for."""
        await self.show(self._acquire())

    async def _acquire(self) -> NotebookLease:
        asked = self.read(AcquireRequest)
        return await self.gpus.acquire(asked.gpus, asked.wait, stay=asked.stay)


class FiguresHandler(JsonHandler):
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
        self.answer(figures)
