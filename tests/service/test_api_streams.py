"""The streams: woken, whole, allowed, and gone with who reads or serves them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import Api, fill, make_job, problem, running_api
from tests.support.waiting import until

from labdock.sse import Message, messages
from labdock_service.api import streams
from labdock_service.engines.base import WorkerSpec
from labdock_service.store import events
from labdock_service.store.tables import AttemptRow, JobRow, RevisionRow, WorkerRow
from labdock_service.wakeup import wake

LIMIT = 90.0


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as made:
        yield made


@pytest.fixture
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


class Reader:
    """Reads a stream of server-sent events one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._chunks = answer.aiter_bytes()
        self._kept: Iterator[Message] = iter(())

    async def next(self) -> Message | None:
        """The next event; None where the stream ended."""
        async with asyncio.timeout(LIMIT):
            while True:
                for message in self._kept:
                    return message
                try:
                    chunk = await anext(self._chunks)
                except (StopAsyncIteration, httpx.TransportError):
                    return None
                self._kept = messages([chunk])

    async def data(self) -> dict[str, Any]:
        message = await self.next()
        assert message is not None, "the stream ended"
        found: dict[str, Any] = json.loads(message.data)
        return found


@contextlib.asynccontextmanager
async def reading(client: httpx.AsyncClient, path: str, **options: Any) -> AsyncIterator[Reader]:
    async with client.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Reader(answer)


def tell(api: Api, job: dict[str, Any], kind: str) -> None:
    """Write an event as the reconciler does, then wake the API."""
    with api.parts.store.write() as session:
        row = session.get_one(JobRow, job["id"])
        events.add(session, row.project_id, "reconciler", kind, job=row.id)
    wake(api.parts.state.run / "api.pipe")


async def test_events_come_as_they_are_written(api: Api, ada: httpx.AsyncClient) -> None:
    job = await make_job(ada)
    async with reading(ada, f"events?follow=1&job={job['id']}") as reader:
        assert (await reader.data())["kind"] == "job.submitted"
        for kind in ("job.queued", "job.running"):
            tell(api, job, kind)
            message = await reader.next()
            assert message is not None
            assert (message.event, json.loads(message.data)["kind"]) == (kind, kind)
            number = message.id
    tell(api, job, "job.succeeded")
    headers = {"Last-Event-ID": str(number)}
    async with reading(ada, f"events?follow=1&job={job['id']}", headers=headers) as reader:
        assert (await reader.data())["kind"] == "job.succeeded"
    listed = (await ada.get(f"events?job={job['id']}&after={number}")).json()
    assert [event["kind"] for event in listed] == ["job.succeeded"]


async def test_what_the_api_itself_writes_comes_at_once(ada: httpx.AsyncClient) -> None:
    job = await make_job(ada)
    async with reading(ada, f"events?follow=1&job={job['id']}") as reader:
        await reader.data()
        await ada.post(f"jobs/{job['id']}/stop")
        assert (await reader.data())["kind"] == "job.stop_requested"


async def test_a_stream_shows_the_projects_of_its_reader_only(
    api: Api, ada: httpx.AsyncClient
) -> None:
    alan = await api.client("alan")
    async with reading(alan, "events?follow=1") as reader:
        await make_job(ada)
        await make_job(alan, "alan")
        seen = [await reader.data() for _ in range(2)]
    assert {event["project"] for event in seen} == {"alan"}


async def test_news_of_others_wake_nobody_and_are_looked_up_once(
    api: Api, ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await make_job(ada), await make_job(ada)
    written = (await ada.get("events")).json()[-1]["id"]
    await until(lambda: api.parts.bulletin._seen >= written)
    async with contextlib.AsyncExitStack() as stack:
        path = f"events?follow=1&job={first['id']}"
        readers = [await stack.enter_async_context(reading(ada, path)) for _ in range(3)]
        for reader in readers:
            assert (await reader.data())["kind"] == "job.submitted"
        looks: list[str | None] = []
        real = events.after

        def after(*given: Any, **more: Any) -> Any:
            looks.append(more["job"])
            return real(*given, **more)

        monkeypatch.setattr(events, "after", after)
        tell(api, second, "job.queued")
        tell(api, first, "job.queued")
        for reader in readers:
            assert (await reader.data())["kind"] == "job.queued"
        await ada.post(f"jobs/{second['id']}/stop")
        tell(api, first, "job.running")
        for reader in readers:
            assert (await reader.data())["kind"] == "job.running"
    assert looks == [first["id"]] * 6


async def test_a_stream_ends_when_its_reader_leaves_the_project(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.0)
    grace = await api.client("grace")
    async with reading(grace, "events?follow=1&project=vision") as reader:
        api.hub.people["grace"].groups = []
        api.hub._users.clear()
        api.parts.wakeups.notify()
        assert await reader.next() is None


async def test_streams_end_with_the_service(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = await make_job(ada)
        async with (
            reading(ada, "events?follow=1&after=1000000") as changes,
            reading(ada, f"jobs/{job['id']}/logs?follow=1") as log,
        ):
            began = time.monotonic()
            api.parts.wakeups.close()
            assert await changes.next() is None
            assert await log.next() is None
            assert time.monotonic() - began < LIMIT


async def test_a_reader_that_leaves_frees_everything(api: Api, ada: httpx.AsyncClient) -> None:
    job = await make_job(ada)
    before, listening = len(asyncio.all_tasks()), len(api.parts.wakeups._listeners)
    followers = len(api.parts.bulletin._followers)
    async with contextlib.AsyncExitStack() as stack:
        for path in ("events?follow=1&after=1000000", f"jobs/{job['id']}/logs?follow=1"):
            await stack.enter_async_context(reading(ada, path))
        await until(lambda: len(api.parts.wakeups._listeners) == listening + 2)
        await until(lambda: len(api.parts.bulletin._followers) == followers + 2)
    await until(lambda: len(api.parts.wakeups._listeners) == listening)
    await until(lambda: len(api.parts.bulletin._followers) == followers)
    await until(lambda: len(asyncio.all_tasks()) <= before)


def plan_attempt(api: Api, job: str, number: int) -> str:
    """Write an attempt of one worker down, as the reconciler does before it starts it."""
    worker = f"job-{job}-{number}-0"
    with api.parts.store.write() as session:
        row = session.get_one(JobRow, job)
        row.state, row.attempt = "running", number
        session.add(AttemptRow(job_id=job, number=number, planned=time.time(), failures={}))
        session.add(
            WorkerRow(
                id=worker,
                job_id=job,
                attempt=number,
                rank=0,
                node="local",
                state="starting",
                stopping=False,
                event_offset=0,
            )
        )
    return worker


def start(api: Api, worker: str, code: str) -> None:
    spec = WorkerSpec(id=worker, argv=(sys.executable, "-c", code), grace=1)
    list(api.parts.engine.start(spec))


def end_worker(api: Api, worker: str, state: str) -> None:
    with api.parts.store.write() as session:
        row = session.get_one(WorkerRow, worker)
        row.state = "ended"
        session.get_one(JobRow, row.job_id).state = state
    wake(api.parts.state.run / "api.pipe")


async def ended(api: Api, worker: str) -> None:
    await until(lambda: [w.state for w in api.parts.engine.look() if w.id == worker] == ["ended"])


async def test_a_log_spans_attempts_and_each_line_comes_once(
    api: Api, ada: httpx.AsyncClient
) -> None:
    job = (await make_job(ada))["id"]
    async with reading(ada, f"jobs/{job}/logs?follow=1") as reader:
        first = plan_attempt(api, job, 1)
        wake(api.parts.state.run / "api.pipe")
        start(api, first, "print('one'); print('two')")
        wake(api.parts.state.run / "api.pipe")
        lines = [await reader.data() for _ in range(2)]
        await ended(api, first)
        end_worker(api, first, "queued")
        second = plan_attempt(api, job, 2)
        start(api, second, "print('three')")
        wake(api.parts.state.run / "api.pipe")
        lines.append(await reader.data())
        await ended(api, second)
        end_worker(api, second, "succeeded")
        message = await reader.next()
        assert message is not None
        assert message.event == "end"
    assert [(line["text"], line["attempt"]) for line in lines] == [
        ("one", 1),
        ("two", 1),
        ("three", 2),
    ]
    for position, line in enumerate(lines):
        left = await texts(ada, f"jobs/{job}/logs", after=line["cursor"])
        assert left == [other["text"] for other in lines[position + 1 :]]
    assert await texts(ada, f"jobs/{job}/logs", attempt=2) == ["three"]
    assert await texts(ada, f"jobs/{job}/logs", rank=1) == []
    api.parts.engine.remove(first)
    assert await texts(ada, f"jobs/{job}/logs", follow=1) == ["three"]


async def texts(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    """The lines of a log that ends."""
    answer = await client.get(path, params=query)
    found = list(messages([answer.content]))
    assert found[-1].event == "end"
    return [json.loads(message.data)["text"] for message in found[:-1]]


async def test_a_long_log_comes_whole_and_in_order(api: Api, ada: httpx.AsyncClient) -> None:
    job = (await make_job(ada))["id"]
    worker = plan_attempt(api, job, 1)
    start(api, worker, "for i in range(20000): print(i)")
    await ended(api, worker)
    end_worker(api, worker, "succeeded")
    assert await texts(ada, f"jobs/{job}/logs") == [str(i) for i in range(20000)]


async def test_a_revisions_log_is_of_all_its_servers(api: Api, ada: httpx.AsyncClient) -> None:
    user = await api.hub.user("ada")
    assert user is not None
    revision = fill(api.parts.store, user).revision
    async with reading(ada, f"revisions/{revision}/logs?follow=1") as reader:
        for number, text in enumerate(("one", "two"), 1):
            server = plan_server(api, revision, number)
            start(api, server, f"print('{text}')")
            wake(api.parts.state.run / "api.pipe")
            line = await reader.data()
            assert (line["text"], line["attempt"]) == (text, number)
            await ended(api, server)
        with api.parts.store.write() as session:
            session.get_one(RevisionRow, revision).state = "retired"
        wake(api.parts.state.run / "api.pipe")
        message = await reader.next()
        assert message is not None and message.event == "end"
    assert await texts(ada, f"revisions/{revision}/logs") == ["one", "two"]
    alan = await api.client("alan")
    problem(await alan.get(f"revisions/{revision}/logs"), 404)


def plan_server(api: Api, revision: str, number: int) -> str:
    """Write a model server of a revision down, as the reconciler does before it starts it."""
    server = f"rev-{revision}-{number}"
    with api.parts.store.write() as session:
        session.add(
            WorkerRow(
                id=server,
                revision_id=revision,
                attempt=number,
                rank=0,
                node="local",
                state="starting",
                stopping=False,
                event_offset=0,
            )
        )
    return server


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1:", "1:-", "1:9" + "9" * 40, "99999999999:1", "-1:5"]
)
async def test_a_cursor_of_no_log_is_refused(ada: httpx.AsyncClient, cursor: str) -> None:
    job = (await make_job(ada))["id"]
    answer = await ada.get(f"jobs/{job}/logs", params={"after": cursor})
    assert "cursor" in problem(answer, 400)


async def test_files_of_a_running_job_and_those_that_were_kept(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    job = (await make_job(ada))["id"]
    kept = api.parts.state.jobs / job / "artifacts/10"
    (kept / "plots").mkdir(parents=True)
    older = kept.with_name("9")
    (older / "plots").mkdir(parents=True)
    (older / "plots/loss curve.png").write_bytes(b"older")
    (older / "first.txt").write_bytes(b"first")
    (kept / "plots/loss curve.png").write_bytes(b"png")
    (kept / "secret").symlink_to("/etc/passwd")
    (tmp_path / "outside").write_text("outside")
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text("pass")
    os.utime(code / "train.py", (1, 1))
    worker = plan_attempt(api, job, 1)
    program = "import time; open('made.txt', 'w').write('made'); time.sleep(60)"
    spec = WorkerSpec(id=worker, argv=(sys.executable, "-c", program), code=code, grace=1)
    list(api.parts.engine.start(spec))
    work = api.parts.state.workers / worker / "code"
    await until(lambda: (work / "made.txt").exists() and (work / "made.txt").stat().st_size)
    listed = (await ada.get(f"jobs/{job}/files")).json()
    assert [file["path"] for file in listed] == [
        "first.txt",
        "made.txt",
        "plots/loss curve.png",
    ]
    answer = await ada.get(f"jobs/{job}/files/plots/loss%20curve.png")
    assert answer.content == b"png"
    assert (await ada.get(f"jobs/{job}/files/first.txt")).content == b"first"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (await ada.get(f"jobs/{job}/files/made.txt")).content == b"made"
    api.parts.engine.kill(worker)
    for path in (
        "nothing",
        "plots",
        "secret",
        "%2e%2e/%2e%2e/labdock.sqlite",
        "..%2f..%2flabdock.sqlite",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "plots/../../../labdock.sqlite",
        "x" * 3000,
    ):
        request = ada.build_request("GET", "x")
        raw = f"/services/labdock/api/jobs/{job}/files/{path}".encode()
        request.url = request.url.copy_with(raw_path=raw)
        problem(await ada.send(request), 404)
