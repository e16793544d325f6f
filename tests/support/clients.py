"""The real service for the client's tests: on a port of its own, and started again on it.

The hub is the one part that is made up. What the
reconciler and the workers would do, a test does by hand with `Hand`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.support.api import (
    PREFIX,
    WrittenHub,
    WrittenPerson,
    hub_place,
    make_environment,
    make_settings,
)
from tests.support.deployment import free_port

from labdock import submission
from labdock.client import Client
from labdock.connection import Connection
from labdock.running import Job
from labdock.schema import Failure, JobState, Progress
from labdock.servingschema import UNCHECKED, ModelCheck, Sample
from labdock.submission import Order, Step
from labdock_service.api.parts import Parts
from labdock_service.app import assemble, create_app, guarded
from labdock_service.engines.base import LogRecord
from labdock_service.engines.process import ProcessEngine
from labdock_service.ids import new_id
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store, events, jobs, models
from labdock_service.store.tables import (
    AttemptRow,
    EndpointRow,
    RevisionRow,
    SnapshotRow,
    WorkerRow,
)
from labdock_service.wakeup import wake

IMAGE = "sha256:" + "1" * 64
DEADLINE = 90.0


class ScriptedEngine(ProcessEngine):
    """An engine whose workers write what a test says."""

    def __init__(self, state: StateFolder) -> None:
        super().__init__(state)
        self.written: dict[str, list[str]] = {}
        self.ended: set[str] = set()

    async def log(
        self, worker: str, *, after: str | None = None, follow: bool = False
    ) -> AsyncIterator[LogRecord]:
        at = int(after) if after else 0
        while True:
            ended = worker in self.ended
            lines = self.written.get(worker, [])
            while at < len(lines):
                at += 1
                yield LogRecord(
                    time=time.time(), stream="stdout", text=lines[at - 1], cursor=str(at)
                )
            if ended or not follow:
                return
            await asyncio.sleep(0.02)


class _Server(uvicorn.Server):
    """Closes the streams at its end, as the service's own server does."""

    on_end: Callable[[], None]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_end()
        await super().shutdown(sockets)


class RunningService:
    """The service at an address, which `stop` and `start` keep."""

    def __init__(self, folder: Path) -> None:
        self.settings = make_settings(folder)
        self.state = self.settings.state
        self.store = Store(self.settings.database_url)
        self.store.upgrade()
        self.engine = ScriptedEngine(self.state)
        self.predictions = Predictions(self)
        self.uploads = 0
        self._clients: list[Client] = []
        self.port = free_port()
        make_environment(self.state)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        parts = self._parts()
        config = uvicorn.Config(
            self._front(guarded(create_app(parts))),
            host="127.0.0.1",
            port=self.port,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._server.on_end = parts.wakeups.close
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE)

    def client(self, person: str = "ada") -> Client:
        """A client that is closed with the service."""
        self._clients.append(Client(Connection(self.url, f"token-{person}")))
        return self._clients[-1]

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().transport.close()

    def _parts(self) -> Parts:
        hub = WrittenHub(hub_place(), ada=WrittenPerson(), bob=WrittenPerson())
        return replace(assemble(self.settings, hub, self.store), engine=self.engine)

    def _front(self, app: ASGIApp) -> ASGIApp:
        """What the hub's proxy does: endpoints go elsewhere."""

        async def front(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            self.uploads += path == f"{PREFIX}api/blobs"
            chosen = self.predictions if path.startswith("/services/endpoints/") else app
            await chosen(scope, receive, send)

        return front


class Predictions:
    """Answers predictions in the router's place: twice each input, for a key that is live."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self.requests: list[dict[str, str]] = []
        self.refuse = 0
        self.away = False
        """The model server does not answer the router."""
        self.padding = 0
        """Bytes that an answer has besides."""
        self.revision = "raaaaaaaaaa"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.requests.append(dict(request.headers))
        body = json.loads(await request.body())
        if self.refuse or not request.headers["authorization"].startswith("Bearer ldk_"):
            self.refuse -= 1
            answer = JSONResponse({"error": "This key does not open this endpoint."}, 401)
        elif self.away:
            answer = JSONResponse({"error": "The model server does not answer."}, 503)
        elif self.padding:
            answer = JSONResponse({"outputs": "x" * self.padding})
        elif "instances" in body:
            answer = JSONResponse(
                {"predictions": [[2 * x for x in row] for row in body["instances"]]}
            )
        elif "inputs" in body:
            answer = JSONResponse(
                {"outputs": {name: body["inputs"][name] for name in body["inputs"]}},
                headers={"Labdock-Revision": self.revision},
            )
        else:
            answer = JSONResponse({"error": "Missing 'inputs' or 'instances'"}, 400)
        await answer(scope, receive, send)


class Hand:
    """Does by hand what the reconciler and the workers would do."""

    def __init__(self, service: RunningService) -> None:
        self._service = service

    def finish_snapshots(self, error: str | None = None) -> None:
        """Package all that waits for it, or fail to."""
        with self._service.store.write() as session:
            for row in session.query(SnapshotRow).filter_by(state="packaging"):
                row.state, row.error = ("failed", error) if error else ("ready", None)
                row.image = None if error else IMAGE
        self._wake()

    def run(self, job_id: str, attempt: int = 1, workers: int = 1) -> str:
        """Start the job's workers; the answer is its chief's id."""
        with self._service.store.write() as session:
            session.add(
                AttemptRow(job_id=job_id, number=attempt, planned=1.0, started=1.0, failures={})
            )
            session.flush()
            for rank in range(workers):
                worker = WorkerRow(
                    id=f"job-{job_id}-{attempt}-{rank}",
                    job_id=job_id,
                    attempt=attempt,
                    rank=rank,
                    node="local",
                    state="running",
                    stopping=False,
                    event_offset=0,
                )
                session.add(worker)
        self.change(job_id, "running", started=time.time(), attempt=attempt)
        return f"job-{job_id}-{attempt}-0"

    def write(self, worker: str, *lines: str) -> None:
        self._service.engine.written.setdefault(worker, []).extend(lines)

    def progress(self, job_id: str, progress: Progress) -> None:
        fields = {name: value for name, value in asdict(progress).items() if value is not None}
        self.change(job_id, "running", progress=fields)

    def save_model(
        self, job_id: str, check: ModelCheck = UNCHECKED, sample: Sample | None = None
    ) -> str:
        with self._service.store.write() as session:
            job = jobs.find(session, job_id)
            assert job is not None
            model = models.create(
                session,
                new_id("m"),
                job,
                name="model",
                digest="sha256:" + "d" * 64,
                size=1234,
                signature={"inputs": {"pixels": {"dtype": "float32", "shape": [None, 2]}}},
                metrics={"accuracy": 0.97},
                check=check,
                sample=sample,
            )
            return model.id

    def end(
        self, job_id: str, state: JobState = "succeeded", failure: Failure | None = None
    ) -> None:
        worker = f"job-{job_id}-1-0"
        self._service.engine.ended.add(worker)
        fields: dict[str, Any] = {"ended": time.time()}
        if failure is not None:
            fields["failure"] = asdict(failure)
        self.change(job_id, state, **fields)

    def change(self, job_id: str, state: JobState, **fields: Any) -> None:
        with self._service.store.write() as session:
            job = jobs.find(session, job_id)
            assert job is not None
            job.state = state
            for name, value in fields.items():
                setattr(job, name, value)
            events.add(session, job.project_id, "reconciler", f"job.{state}", job=job_id)
        self._wake()

    def serve(self, revision_id: str, state: str = "serving", message: str = "") -> None:
        """A revision came up, or not."""
        with self._service.store.write() as session:
            revision = session.get_one(RevisionRow, revision_id)
            revision.state, revision.message = state, message
            revision.server = f"Server of {revision_id}: the lock names it."
            endpoint = session.get_one(EndpointRow, revision.endpoint_id)
            if state == "serving":
                endpoint.traffic = [{"revision": revision_id, "weight": 100}]
            kind = f"revision.{state}"
            events.add(session, endpoint.project_id, "reconciler", kind, endpoint=endpoint.id)
        self._wake()

    def _wake(self) -> None:
        wake(self._service.state.run / "api.pipe")


@contextmanager
def running_service(folder: Path) -> Iterator[RunningService]:
    service = RunningService(folder)
    service.start()
    try:
        yield service
    finally:
        service.close_clients()
        service.stop()


def say_nothing(step: Step) -> None:
    """Where a test does not look at the steps of a submission."""


def submit(client: Client, folder: Path, text: str = "print('hello')") -> Job:
    """Submit a script of this text."""
    script = folder / "train.py"
    script.write_text(text)
    order = Order(entry=script, name="train")
    taken = submission.take(client, order, say_nothing)
    return Job(submission.submit(client, order, taken, say_nothing), client)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until it holds, or fail at the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the deadline passed first"
        time.sleep(0.01)
