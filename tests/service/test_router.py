"""The router as a process, before model servers without a model, under load where it matters."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import stub_model_server
from tests.support.deployment import free_port
from yarl import URL

from labdock_service.serving.tables import Route, RouteKey, Target, write_endpoints, write_keys

WAIT = 120.0
SECRET = "ldk_secret"
PREFIX = "/services/endpoints/"
KEY = {"Authorization": f"Bearer {SECRET}"}


class Deployment:
    """A state folder, the router on it, and the model servers it leads to."""

    def __init__(self, folder: Path, processes: contextlib.ExitStack) -> None:
        self.state = folder
        self.run = folder / "run"
        self.url = f"http://127.0.0.1:{free_port()}{PREFIX}"
        self._processes = processes

    def start_router(self) -> subprocess.Popen[bytes]:
        """Start a router and wait until it is the one of its name."""
        environment = {
            **os.environ,
            "JUPYTERHUB_SERVICE_URL": self.url,
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        }
        command = [sys.executable, "-m", "labdock_service.router", f"--state={self.state}"]
        process = subprocess.Popen(command, env=environment)
        self._processes.callback(end, process)
        record = self.run / "router.json"
        until(lambda: record.exists() and f'"pid": {process.pid},' in record.read_text())
        return process

    def start_model_server(self, name: str) -> tuple[Target, subprocess.Popen[str]]:
        """Start a model server; its revision has the server's name."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, stub_model_server.__file__, str(port), name],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.callback(end, process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return target(name, port), process

    def route(self, *targets: Target, name: str = "digits", id: str = "e1") -> Route:
        """An endpoint of Ada's."""
        return Route(project="ada", name=name, id=id, traffic=list(targets))

    def write(self, *routes: Route, keys: list[RouteKey] | None = None) -> None:
        """Write both tables."""
        write_endpoints(self.run, routes)
        write_keys(self.run, keys if keys is not None else [key("e1", SECRET)])


def target(revision: str, port: int, weight: int = 100) -> Target:
    return Target(revision=revision, weight=weight, url=f"http://127.0.0.1:{port}", model="mlp")


def key(endpoint: str, secret: str, expires: float | None = None) -> RouteKey:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return RouteKey(endpoint=endpoint, sha256=digest, expires=expires)


def end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with contextlib.ExitStack() as processes:
        deployment = Deployment(tmp_path_factory.mktemp("state"), processes)
        deployment.start_router()
        yield deployment


@pytest.fixture(scope="module")
def one(deployment: Deployment) -> Target:
    return deployment.start_model_server("one")[0]


@pytest.fixture(scope="module")
def two(deployment: Deployment) -> Target:
    return deployment.start_model_server("two")[0]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WAIT)) as session:
        yield session


ADDRESSES = [
    ("POST", "ada/digits:predict", "/v1/models/mlp:predict"),
    ("POST", "ada/digits:PREDICT", "/v1/models/mlp:PREDICT"),
    ("POST", "ada/%64igits:predict", "/v1/models/mlp:predict"),
    ("POST", "ada/digits/v1/models/any:predict", "/v1/models/mlp:predict"),
    ("POST", "ada/digits/v1/models/a/versions/3:predict", "/v1/models/mlp/versions/3:predict"),
    ("POST", "ada/digits:classify", "/v1/models/mlp:classify"),
    ("GET", "ada/digits", "/v1/models/mlp"),
    ("GET", "ada/digits/", "/v1/models/mlp"),
    ("GET", "ada/digits/metadata", "/v1/models/mlp/metadata"),
    ("GET", "ada/digits/v1/models/x", "/v1/models/mlp"),
    ("GET", "ada/digits/v1/models/x/versions/1/metadata", "/v1/models/mlp/versions/1/metadata"),
]


@pytest.mark.parametrize(("method", "path", "asked"), ADDRESSES)
async def test_addresses(
    deployment: Deployment,
    one: Target,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    asked: str,
) -> None:
    deployment.write(deployment.route(one))
    url = URL(deployment.url + path, encoded=True)
    async with client.request(method, url, headers=KEY, data=b"{}" * (method == "POST")) as answer:
        said = await answer.json()
    assert (answer.status, said["method"], said["path"]) == (200, method, asked)
    assert answer.headers["Labdock-Revision"] == "one"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


REFUSALS = [
    ("ada/digits:predict", {}, 401, "key_missing"),
    ("ada/nothing:predict", {}, 401, "key_missing"),
    ("ada/digits:predict", {"Authorization": "Bearer ldk_wrong"}, 401, "key_missing"),
    ("ada/nothing:predict", {"Authorization": "Bearer ldk_wrong"}, 401, "key_missing"),
    ("ada/digits:predict", {"Authorization": "Bearer ldk_expired"}, 401, "key_missing"),
    ("ada/digits:predict", {"Authorization": "token abc"}, 403, "forbidden"),
    ("ada/digits:predict", {"Authorization": f"Basic {SECRET}"}, 403, "forbidden"),
    ("ada/nothing:predict", KEY, 404, "not_found"),
    ("ada/other:predict", KEY, 404, "not_found"),
    ("ada/digits/../../hub:predict", KEY, 404, "not_found"),
    ("ada/digits", KEY, 404, "not_found"),
    ("", KEY, 404, "not_found"),
    ("ada/resting:predict", {"Authorization": "Bearer ldk_rest"}, 503, "unavailable"),
    ("ada/dead:predict", {"Authorization": "Bearer ldk_dead"}, 503, "unavailable"),
]


@pytest.mark.parametrize(("path", "headers", "status", "code"), REFUSALS)
async def test_refusals_are_a_sentence_each(
    deployment: Deployment,
    one: Target,
    client: aiohttp.ClientSession,
    path: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    deployment.write(
        deployment.route(one),
        deployment.route(one, name="other", id="e2"),
        deployment.route(name="resting", id="e3"),
        deployment.route(target("gone", free_port()), name="dead", id="e4"),
        keys=[
            key("e1", SECRET),
            key("e1", "ldk_expired", time.time() - 1),
            key("e3", "ldk_rest"),
            key("e4", "ldk_dead"),
        ],
    )
    url = URL(deployment.url + path, encoded=True)
    async with client.post(url, headers=headers, data=b"{}") as answer:
        said = await answer.json()
    assert (answer.status, said["error"]) == (status, code)
    assert said["detail"].endswith((".", "..'."))
    assert "ldk_wrong" not in said["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Labdock-Revision" not in answer.headers


async def test_a_revoked_key_opens_nothing_from_then_on(
    deployment: Deployment, one: Target, client: aiohttp.ClientSession
) -> None:
    for keys, status in (([key("e1", SECRET)], 200), ([], 401), ([key("e1", SECRET)], 200)):
        deployment.write(deployment.route(one), keys=keys)
        async with client.get(f"{deployment.url}ada/digits", headers=KEY) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    "text", [None, b"", b"{", b"[]", b'{"endpoints": [1], "keys": [{"a": 1}]}']
)
async def test_a_broken_or_missing_table_leaves_the_last_good_one(
    deployment: Deployment, one: Target, client: aiohttp.ClientSession, text: bytes | None
) -> None:
    async def status() -> int:
        async with client.get(f"{deployment.url}ada/digits", headers=KEY) as answer:
            return answer.status

    deployment.write(deployment.route(one))
    assert await status() == 200
    for table in (deployment.run / "endpoints.json", deployment.run / "keys.json"):
        if text is None:
            table.unlink()
        else:
            table.write_bytes(text)
        assert await status() == 200
    for table in (deployment.run / "endpoints.json", deployment.run / "keys.json"):
        table.unlink(missing_ok=True)
    deployment.write(deployment.route(one), keys=[])
    assert await status() == 401


async def test_traffic_is_split_by_weight(
    deployment: Deployment, one: Target, two: Target, client: aiohttp.ClientSession
) -> None:
    port_of = {each.revision: int(each.url.rpartition(":")[2]) for each in (one, two)}
    shares = [
        target(name, port, weight)
        for (name, port), weight in zip(port_of.items(), (25, 75), strict=True)
    ]
    deployment.write(deployment.route(*shares, target("none", free_port(), weight=0)))
    seen: Counter[str] = Counter()
    for _ in range(400):
        async with client.get(f"{deployment.url}ada/digits", headers=KEY) as answer:
            said = await answer.json()
            assert said["by"] == answer.headers["Labdock-Revision"]
            seen[said["by"]] += 1
    assert seen.keys() == {"one", "two"}
    assert 50 < seen["one"] < 150


async def test_another_revision_is_asked_where_nobody_listens(
    deployment: Deployment, one: Target, client: aiohttp.ClientSession
) -> None:
    deployment.write(deployment.route(one, target("gone", free_port())))
    for _ in range(20):
        async with client.post(
            f"{deployment.url}ada/digits:predict", headers=KEY, data=b"12345"
        ) as answer:
            assert (answer.status, (await answer.json())["size"]) == (200, 5)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_413(
    deployment: Deployment, one: Target, client: aiohttp.ClientSession, announced: bool
) -> None:
    deployment.write(deployment.route(one))
    size = 65 * 1024 * 1024

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * (size // 65)

    headers = {**KEY, "Content-Length": str(size)} if announced else KEY
    url = f"{deployment.url}ada/digits:predict"
    async with client.post(url, headers=headers, data=chunks()) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "too_large")


async def until_asked(seen: Counter[str], name: str, times: int) -> None:
    """Wait until a model server was asked so much more often."""
    enough = seen[name] + times
    deadline = time.monotonic() + WAIT
    while seen[name] < enough:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.02)


async def under_load(url: str, disturb: Callable[[Counter[str]], Awaitable[None]]) -> Counter[str]:
    """Send requests without a break while something happens; who answered, and what failed."""
    seen: Counter[str] = Counter()
    done = asyncio.Event()

    async def send(keep: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=not keep)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not done.is_set():
                try:
                    async with session.post(url, headers=KEY, data=b"{}") as answer:
                        said = await answer.json()
                        seen[said.get("by", f"{answer.status} {said}")] += 1
                except (aiohttp.ClientError, OSError) as error:
                    seen[repr(error)] += 1

    senders = [asyncio.create_task(send(keep)) for keep in (True, False) * 3]
    try:
        await asyncio.wait_for(disturb(seen), 3 * WAIT)
    finally:
        done.set()
        await asyncio.gather(*senders)
    return seen


async def test_a_newer_router_takes_over_without_a_failed_request(tmp_path: Path) -> None:
    with contextlib.ExitStack() as processes:
        deployment = Deployment(tmp_path, processes)
        one, _ = deployment.start_model_server("one")
        deployment.write(deployment.route(one))
        routers = [deployment.start_router()]

        async def take_over(seen: Counter[str]) -> None:
            for _ in range(3):
                await until_asked(seen, "one", 40)
                routers.append(await asyncio.to_thread(deployment.start_router))
                assert await asyncio.to_thread(routers[-2].wait, WAIT) == 0
            await until_asked(seen, "one", 40)

        seen = await under_load(f"{deployment.url}ada/digits:predict", take_over)
        assert seen.keys() == {"one"}


async def test_a_newer_revision_takes_over_without_a_failed_request(tmp_path: Path) -> None:
    with contextlib.ExitStack() as processes:
        deployment = Deployment(tmp_path, processes)
        servers = [deployment.start_model_server("v0")]
        deployment.write(deployment.route(servers[0][0]))
        deployment.start_router()

        async def swap(seen: Counter[str]) -> None:
            for number in range(1, 5):
                await until_asked(seen, f"v{number - 1}", 40)
                start = asyncio.to_thread(deployment.start_model_server, f"v{number}")
                servers.append(await start)
                write_endpoints(deployment.run, [deployment.route(servers[-1][0])])
                servers[-2][1].terminate()
                assert await asyncio.to_thread(servers[-2][1].wait, WAIT) == 0
            await until_asked(seen, "v4", 40)

        seen = await under_load(f"{deployment.url}ada/digits:predict", swap)
        assert seen.keys() == {f"v{number}" for number in range(5)}


@pytest.mark.parametrize("url", ["http://192.0.2.1:9", None])
def test_a_router_that_cannot_listen_says_so(tmp_path: Path, url: str | None) -> None:
    hub = {"JUPYTERHUB_SERVICE_URL": url, "JUPYTERHUB_SERVICE_PREFIX": PREFIX} if url else {}
    ended = subprocess.run(
        [sys.executable, "-m", "labdock_service.router", f"--state={tmp_path}"],
        env={**os.environ, **hub},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
