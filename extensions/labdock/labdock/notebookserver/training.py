"""The routes of JupyterLab's Train dialog: looked at and submitted where the files are.

The library does here what it does in a kernel, so that the dialog and `labdock.train()` submit
the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from labdock.client import default_client
from labdock.errors import LabdockError, Mistake, NotFound
from labdock.notebookserver import orders
from labdock.schema import ErrorBody
from labdock.submission import Step
from labdock.trainingschema import TrainingRequest, TrainingStep

PATH = "labdock/training"
PING = 15.0
"""Seconds of silence after which a stream says that it is still open."""

Answer = TypeVar("Answer")


class _Handler(APIHandler):  # type: ignore[misc]  # it has no types here
    """Answers JSON, and what went wrong as the service does."""

    @property
    def root(self) -> Path:
        """The folder that JupyterLab shows."""
        return Path(self.contents_manager.root_dir)

    def read(self) -> TrainingRequest:
        """The request's body. Raises Mistake."""
        try:
            return msgspec.json.decode(self.request.body, type=TrainingRequest)
        except msgspec.DecodeError as error:
            raise Mistake(f"This is no choice of a job: {error}.") from None

    async def answer(self, doing: Callable[[], Answer]) -> None:
        """Answer what is found in a thread of its own: files are read there."""
        try:
            found = await asyncio.to_thread(doing)
        except LabdockError as error:
            self.refuse(error)
            return
        self.finish(msgspec.json.encode(found))

    def refuse(self, error: LabdockError) -> None:
        """Answer what went wrong."""
        self.set_status(_status(error))
        self.finish(msgspec.json.encode(_body(error)))


class EntryHandler(_Handler):
    """`GET entry?path=`: what lies there, and its parameters."""

    @authenticated
    async def get(self) -> None:
        """A TrainingEntry."""
        path = self.get_query_argument("path", "")
        await self.answer(lambda: orders.find_entry(self.root, path))


class PreviewHandler(_Handler):
    """`GET preview?path=&environment=`: what would be in the image."""

    @authenticated
    async def get(self) -> None:
        """An ImagePreview."""
        path = self.get_query_argument("path", "")
        environment = self.get_query_argument("environment", "") or None
        await self.answer(lambda: orders.preview(self.root, default_client(), path, environment))


class CheckHandler(_Handler):
    """`POST check`: what cannot be used of what was typed."""

    @authenticated
    async def post(self) -> None:
        """A list of FieldProblem."""
        await self.answer(lambda: orders.find_problems(self.root, self.read()))


class JobsHandler(_Handler):
    """`POST jobs`: submits, and tells meanwhile how far it is.

    It goes on to its end where the browser does not stay to hear of it.
    """

    @authenticated
    async def post(self) -> None:
        """Events: `step` with a TrainingStep, then `job` with the Job, or `error`."""
        try:
            request = self.read()
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
            await self._event("error", _body(error))
        self.finish()

    async def _ping(self) -> None:
        self.write(": ping\n\n")
        await self.flush()

    async def _event(self, name: str, data: object) -> None:
        text = msgspec.json.encode(data).decode()
        self.write(f"event: {name}\ndata: {text}\n\n")
        await self.flush()


def handlers(base: str) -> list[tuple[str, type[Any]]]:
    """The routes below a server's own address."""
    return [
        (rf"{base}/{PATH}/entry", EntryHandler),
        (rf"{base}/{PATH}/preview", PreviewHandler),
        (rf"{base}/{PATH}/check", CheckHandler),
        (rf"{base}/{PATH}/jobs", JobsHandler),
    ]


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


def _status(error: LabdockError) -> int:
    if isinstance(error, NotFound):
        return 404
    return 400 if isinstance(error, Mistake) else 503


def _body(error: LabdockError) -> ErrorBody:
    field = error.field if isinstance(error, Mistake) else None
    return ErrorBody(error=type(error).__name__, detail=str(error), field=field)
