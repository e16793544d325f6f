"""The routes of JupyterLab's Train dialog: looked at and submitted where the files are.

The library does here what it does in a kernel, so that the dialog and `labdock.train()` submit
the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from labdock.client import default_client
from labdock.errors import LabdockError, Mistake
from labdock.notebookserver import orders
from labdock.notebookserver.answers import JsonHandler, body_of
from labdock.submission import Step
from labdock.trainingschema import TrainingRequest, TrainingStep

PATH = "labdock/training"
PING = 15.0
"""Seconds of silence after which a stream says that it is still open."""

Found = TypeVar("Found")


class _Handler(JsonHandler):
    """Looks at files below the folder that JupyterLab shows."""

    @property
    def root(self) -> Path:
        """That folder."""
        return Path(self.contents_manager.root_dir)

    async def look(self, doing: Callable[[], Found]) -> None:
        """Answer what is found in a thread of its own: files are read there."""
        try:
            found = await asyncio.to_thread(doing)
        except LabdockError as error:
            self.refuse(error)
            return
        self.answer(found)


class EntryHandler(_Handler):
    """`GET entry?path=`: what lies there, and its parameters."""

    @authenticated
    async def get(self) -> None:
        """A TrainingEntry."""
        path = self.get_query_argument("path", "")
        await self.look(lambda: orders.find_entry(self.root, path))


class PreviewHandler(_Handler):
    """`GET preview?path=&environment=`: what would be in the image."""

    @authenticated
    async def get(self) -> None:
        """An ImagePreview."""
        path = self.get_query_argument("path", "")
        environment = self.get_query_argument("environment", "") or None
        await self.look(lambda: orders.preview(self.root, default_client(), path, environment))


class CheckHandler(_Handler):
    """`POST check`: what cannot be used of what was typed."""

    @authenticated
    async def post(self) -> None:
        """A list of FieldProblem."""
        await self.look(lambda: orders.find_problems(self.root, self.read(TrainingRequest)))


class JobsHandler(_Handler):
    """`POST jobs`: submits, and tells meanwhile how far it is.

    It goes on to its end where the browser does not stay to hear of it.
    """

    @authenticated
    async def post(self) -> None:
        """Events: `step` with a TrainingStep, then `job` with the Job, or `error`."""
        try:
            request = self.read(TrainingRequest)
        except Mistake as error:
            self.refuse(error)
            return
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        with contextlib.suppress(StreamClosedError):  # who asked has gone
            await self._tell(request)

    async def _tell(self, request: TrainingRequest) -> None:
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[Step | None] = asyncio.Queue()

        def report(step: Step) -> None:
            loop.call_soon_threadsafe(steps.put_nowait, step)

        submitting = asyncio.ensure_future(
            asyncio.to_thread(lambda: orders.submit(self.root, default_client(), request, report))
        )
        submitting.add_done_callback(lambda _: steps.put_nowait(None))
        async for step in _until_none(steps, self._ping):
            await self._event("step", TrainingStep(message=step.message, share=step.share))
        try:
            await self._event("job", await submitting)
        except LabdockError as error:
            await self._event("error", body_of(error))
        self.finish()

    async def _ping(self) -> None:
        self.write(": ping\n\n")
        await self.flush()

    async def _event(self, name: str, data: object) -> None:
        text = msgspec.json.encode(data).decode()
        self.write(f"event: {name}\ndata: {text}\n\n")
        await self.flush()


HANDLERS: list[tuple[str, type[JsonHandler]]] = [
    (f"{PATH}/entry", EntryHandler),
    (f"{PATH}/preview", PreviewHandler),
    (f"{PATH}/check", CheckHandler),
    (f"{PATH}/jobs", JobsHandler),
]
"""The routes below a server's own address."""


async def _until_none(
    steps: asyncio.Queue[Step | None], ping: Callable[[], Awaitable[None]]
) -> AsyncIterator[Step]:
    while True:
        try:
            step = await asyncio.wait_for(steps.get(), PING)
        except TimeoutError:
            await ping()
            continue
        if step is None:
            return
        yield step
