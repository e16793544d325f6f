"""A thousand jobs that wait and twenty that run: what a request takes then, and what rests.

`python -m tests.load.queue` prints the figures; `make bench` puts them into its page.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import msgspec
from tests.bench.measure import Series, shown
from tests.bench.report import requests
from tests.load.queue_rest import Rest, resting
from tests.support.api import make_source, make_tar
from tests.support.deployment import Deployment, prepare, running_deployment

from labdock.digests import sha256
from labdock_service.statefolder import StateFolder

QUEUED, RUNNING = 1000, 20
CLIENTS = 8
ROUNDS = 40
"""How often each client asks for each thing."""
PAUSE = 0.2
"""Seconds between two requests of a client: all together ask forty times a second."""
PATIENCE = 300.0

SCRIPT = b"import signal\nprint('runs', flush=True)\nsignal.pause()\n"
"""A job that runs until it is ended."""

Body = dict[str, Any]


@dataclass
class Crowd:
    """Many clients of one deployment's API, through the hub's proxy as people are."""

    http: aiohttp.ClientSession
    taken: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds of each request, by what was asked for."""
    snapshot: str = ""

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """An answer's JSON; an answer that is an error is one here."""
        async with self.http.request(method, path, **more) as answer:
            body = await answer.read()
            assert answer.status < 300, body
            return msgspec.json.decode(body)

    async def timed(self, name: str, method: str, path: str, **more: Any) -> Any:
        """The same, and how long it took is noted."""
        began = perf_counter()
        answer = await self.ask(method, path, **more)
        self.taken.setdefault(name, []).append((perf_counter() - began) * 1000)
        return answer

    async def prepare(self) -> None:
        """Send the source and wait for its image."""
        source = make_source({"train.py": SCRIPT})
        body = {"project": "admin", "source": msgspec.to_builtins(source)}
        await self.ask("POST", "sources", json=body)
        tar = make_tar({sha256(SCRIPT).removeprefix("sha256:"): SCRIPT})
        await self.ask("POST", "blobs", params={"project": "admin"}, data=tar)
        made = {"project": "admin", "source": source.digest}
        self.snapshot = (await self.ask("POST", "snapshots", json=made))["id"]
        state = (await self.ask("GET", f"snapshots/{self.snapshot}", params={"wait": 60}))["state"]
        assert state == "ready", state

    async def submit(self, name: str, number: int) -> None:
        """One more job; twenty of them fill the machine."""
        resources = {"cpus": len(os.sched_getaffinity(0)) / RUNNING}
        body = {"snapshot": self.snapshot, "name": f"job-{number}", "resources": resources}
        await self.timed(name, "POST", "jobs", json=body)

    async def jobs(self, state: str) -> list[Body]:
        """The jobs that are in this state, all of them."""
        found: list[Body] = []
        while True:
            page: dict[str, Any] = {"before": found[-1]["id"]} if found else {}
            some = await self.ask("GET", "jobs", params={"state": state, "limit": 500, **page})
            found += some
            if len(some) < 500:
                return found

    async def fill(self) -> None:
        """Submit all of them, and wait until as many run as can."""
        for number in range(QUEUED + RUNNING):
            await self.submit("a submit, while the queue grows", number)
        async with asyncio.timeout(PATIENCE):
            await self._until("running", RUNNING)
            await self._until("queued", QUEUED)

    async def _until(self, state: str, count: int) -> None:
        while True:
            if len(await self.jobs(state)) == count:
                return
            await asyncio.sleep(1)

    async def use(self) -> None:
        """What people with notebooks, pages and command lines ask for, while some look on."""
        running, queued = await self.jobs("running"), await self.jobs("queued")
        watched = [asyncio.create_task(_read(await self._follow(job["id"]))) for job in running]
        clients = (self._client(number, queued) for number in range(CLIENTS))
        await asyncio.gather(*clients)
        for task in watched:
            assert not task.done(), task.result()
            task.cancel()

    async def _follow(self, job: str) -> aiohttp.ClientResponse:
        """A job's events as they come, as its widget asks for them."""
        params: Body = {"job": job, "follow": 1}
        return await self.http.get("events", params=params, timeout=_ENDLESS)

    async def _client(self, number: int, queued: list[Body]) -> None:
        asks: list[Callable[[int], Awaitable[Any]]] = [
            lambda turn: self.timed("a job", "GET", f"jobs/{queued[turn]['id']}"),
            lambda _: self.timed("the newest 50 jobs", "GET", "jobs"),
            lambda _: self.timed("who runs", "GET", "jobs", params={"state": "running"}),
            lambda _: self.timed("the newest events", "GET", "events", params={"limit": 50}),
            lambda turn: self.submit("a submit", 10_000 * (number + 1) + turn),
        ]
        await asyncio.sleep(PAUSE * number / CLIENTS)
        for turn in range(ROUNDS):
            for ask in asks:
                await ask(number * ROUNDS + turn)
                await asyncio.sleep(PAUSE)


async def _read(stream: aiohttp.ClientResponse) -> None:
    async with stream:
        async for _ in stream.content:
            continue


_ENDLESS = aiohttp.ClientTimeout(total=None)


@asynccontextmanager
async def crowd(deployment: Deployment) -> AsyncIterator[Crowd]:
    """A crowd that is logged in."""
    token = deployment.labdock("token", "admin").stdout.strip()
    base = f"{deployment.url}/services/labdock/api/"
    async with aiohttp.ClientSession(base, headers={"Authorization": f"token {token}"}) as http:
        yield Crowd(http)


async def _load(deployment: Deployment) -> tuple[Crowd, Rest]:
    async with crowd(deployment) as people:
        await people.prepare()
        await people.fill()
        rest = await asyncio.to_thread(resting, deployment)
        await people.use()
        return people, rest


def measure(prepared: StateFolder) -> dict[str, list[Series]]:
    """Milliseconds of requests, memory after them, and wake-ups before them."""
    with (
        tempfile.TemporaryDirectory(prefix="labdock-load-") as folder,
        running_deployment(prepared, Path(folder)) as deployment,
    ):
        people, rest = asyncio.run(_load(deployment))
        memory = rest.memory()
    requests = [Series(name, "ms", tuple(values)) for name, values in people.taken.items()]
    return {"load": requests, "load, at rest": rest.wakeups, "load, memory": memory}


def main() -> None:
    """Print the figures."""
    figures = measure(prepare("process"))
    for line in requests(figures.pop("load")):
        print(line)
    for series in itertools.chain(*figures.values()):
        print(f"{series.name}: {shown(series.median)} {series.unit}")


if __name__ == "__main__":
    main()
