"""What admins see of the whole deployment and may stop, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import (
    PREFIX,
    Api,
    Filled,
    fill,
    make_job,
    make_jobs,
    make_settings,
    problem,
    running_api,
)
from tests.support.invented import WithGpus

from labdock.adminschema import Verification
from labdock_service.api.adminpage import verdicts
from labdock_service.findings import Finding
from labdock_service.reconciler.loop import own_pipe
from labdock_service.store import notebooks, verifications
from labdock_service.store.tables import EndpointRow, JobRow, LeaseRow, RevisionRow

LIMIT = 90.0
EVERYTHING = ("overview", "changes")
ORDERS = ("jobs/jaaaaaaaaaa/stop", "revisions/raaaaaaaaaa/stop", "servers/ada/stop")
IMAGE = "sha256:" + "1" * 64
SERVER = {
    "ready": True,
    "started": "2026-01-01T10:00:00.000000Z",
    "last_activity": "2026-01-01T11:00:00.000000Z",
    "user_options": {},
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    settings = make_settings(tmp_path)
    async with running_api(
        tmp_path, settings, WithGpus(settings.state, own_pipe(settings.state))
    ) as made:
        yield made


@pytest.fixture
async def root(api: Api) -> httpx.AsyncClient:
    return await api.client("root")


async def filled(api: Api) -> Filled:
    user = await api.hub.user("ada")
    assert user is not None
    return fill(api.parts.store, user)


async def seen(root: httpx.AsyncClient) -> dict[str, Any]:
    answer = await root.get("admin/overview")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("name", ["ada", "grace"])
async def test_it_is_for_admins_of_the_hub_alone(api: Api, name: str) -> None:
    client = await api.client(name)
    for path in EVERYTHING:
        assert "for admins" in problem(await client.get(f"admin/{path}"), 403)
    for path in ORDERS:
        assert "for admins" in problem(await client.post(f"admin/{path}"), 403)
    for page in ("admin", "admin/live"):
        problem(await client.get(f"{api.url}{PREFIX}{page}"), 403)


async def test_an_admins_notebooks_open_nothing_of_it(api: Api) -> None:
    """What runs there may be somebody else's."""
    client = await api.client("root-of-server")
    assert (await client.get("me")).json()["admin"]
    for path in EVERYTHING:
        assert "notebook's token" in problem(await client.get(f"admin/{path}"), 403)
    for path in ORDERS:
        assert "notebook's token" in problem(await client.post(f"admin/{path}"), 403)
    for page in ("admin", "admin/live"):
        problem(await client.get(f"{api.url}{PREFIX}{page}"), 403)


async def test_nodes_gpus_and_who_has_them(api: Api, root: httpx.AsyncClient) -> None:
    ada = await api.hub.user("ada")
    assert ada is not None
    await make_job(await api.client("ada"))  # she is known from here on
    with api.parts.store.write() as session:
        row = notebooks.begin(session, ada.id, "t1", 1, keeps_devices=False, now=1000.0)
        title = notebooks.title(row)
        node = api.parts.engine.nodes()[0].name
        session.add(
            LeaseRow(
                holder_kind="notebook",
                holder_id=ada.id,
                title=title,
                attempt=row.attempt,
                node=node,
                cpus=0,
                memory=0,
                device="GPU-0",
            )
        )
    found = await seen(root)
    assert [one["name"] for one in found["nodes"]] == [node]
    held = {one["uuid"]: (one["held_by"], one["since"]) for one in found["gpus"]}
    assert held == {"GPU-0": ("ada's notebook server", 1000.0), "GPU-1": (None, None)}


async def test_the_queue_is_in_its_order_and_says_why(api: Api, root: httpx.AsyncClient) -> None:
    ada = await api.client("ada")
    first, second = [await make_job(ada, name=name) for name in ("first", "second")]
    with api.parts.store.write() as session:
        for number, job in enumerate((second, first)):
            row = session.get_one(JobRow, job["id"])
            row.state, row.queued, row.message = "queued", float(number), "Waits for 1 GPU."
    queue = (await seen(root))["queue"]
    assert [(one["kind"], one["id"]) for one in queue] == [
        ("job", second["id"]),
        ("job", first["id"]),
    ]
    assert queue[0]["message"] == "Waits for 1 GPU."


async def test_a_job_of_somebody_elses_project_is_stopped(
    api: Api, root: httpx.AsyncClient
) -> None:
    job = await make_job(await api.client("ada"))
    problem(await root.get(f"jobs/{job['id']}"), 404)  # it is not in a project of theirs
    assert [one["id"] for one in (await seen(root))["jobs"]] == [job["id"]]
    stopped = await root.post(f"admin/jobs/{job['id']}/stop")
    assert (stopped.status_code, stopped.json()["target"]) == (200, "stopped")
    events = (await (await api.client("ada")).get("events", params={"job": job["id"]})).json()
    assert ("job.stop_requested", "root") in {(one["kind"], one["actor"]) for one in events}
    problem(await root.post("admin/jobs/jaaaaaaaaaa/stop"), 404)


async def test_a_revision_is_stopped_and_the_one_that_serves_goes_on(
    api: Api, root: httpx.AsyncClient
) -> None:
    made = await filled(api)
    [shown] = (await seen(root))["revisions"]
    assert (shown["endpoint"], shown["wanted"]) == ("digits", True)
    with api.parts.store.write() as session:
        revision = session.get_one(RevisionRow, made.revision)
        revision.endpoint.traffic = [{"revision": "rolder", "weight": 100}]
        endpoint = revision.endpoint_id
    assert (await root.post(f"admin/revisions/{made.revision}/stop")).status_code == 200
    assert wanted(api, endpoint) == "rolder"
    again = await root.post(f"admin/revisions/{made.revision}/stop")
    assert "is not the one that shall serve" in problem(again, 409)
    with api.parts.store.write() as session:
        row = session.get_one(EndpointRow, endpoint)
        row.wanted, row.traffic = made.revision, [{"revision": made.revision, "weight": 100}]
    assert (await root.post(f"admin/revisions/{made.revision}/stop")).status_code == 200
    assert wanted(api, endpoint) is None


def wanted(api: Api, endpoint: str) -> str | None:
    with api.parts.store.read() as session:
        return session.get_one(EndpointRow, endpoint).wanted


async def test_peoples_servers_are_seen_and_stopped(api: Api, root: httpx.AsyncClient) -> None:
    api.hub.servers_of = {"grace": SERVER, "ada": SERVER | {"ready": False}}
    found = (await seen(root))["servers"]
    assert [(one["person"], one["ready"]) for one in found] == [("ada", False), ("grace", True)]
    assert found[1]["environment"] == "TensorFlow"
    assert found[1]["last_activity"] - found[1]["started"] == 3600
    assert (await root.post("admin/servers/grace/stop")).status_code == 204
    assert [one["person"] for one in (await seen(root))["servers"]] == ["ada"]
    problem(await root.post("admin/servers/grace/stop"), 404)


async def test_the_disk_is_measured_beside_the_answer(api: Api, root: httpx.AsyncClient) -> None:
    (api.parts.state.root / "homes").mkdir(exist_ok=True)
    (api.parts.state.root / "homes/data").write_bytes(bytes(300_000))
    disk = (await seen(root))["disk"]
    assert 0 < disk["free"] <= disk["total"]
    async with asyncio.timeout(LIMIT):
        while disk["measured"] is None:
            await asyncio.sleep(0.1)
            disk = (await seen(root))["disk"]
    sizes = {one["name"]: one["bytes"] for one in disk["folders"]}
    assert 300_000 <= sizes["homes"] < 400_000
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)


async def test_images_say_how_it_is_known_that_they_may_be_used(
    api: Api, root: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labdock_service.packaging.environments.PinnedEnvironment.images", (IMAGE,))
    bad = Finding("CVE-1", "critical", "openssl", "3.0", "3.1")
    checks = [
        {"check": "imports", "passed": True, "said": ""},
        {"check": "trains", "passed": False, "said": "it ran out of memory"},
    ]
    with api.parts.store.write() as session:
        verifications.keep(session, IMAGE, "here", checks, 1000.0)
        verifications.keep_scan(session, IMAGE, "trivy", [bad], 2000.0)
    [shown] = (await seen(root))["environments"]
    [verified], [scan] = shown["verifications"], shown["scans"]
    assert (verified["node"], verified["passed"]) == ("here", False)
    assert verified["failed"] == ["trains: it ran out of memory"]
    assert (scan["findings"], "CVE-1" in scan["refused"]) == (1, True)


async def test_the_page_shows_it_and_keeps_its_policy(api: Api, root: httpx.AsyncClient) -> None:
    api.hub.servers_of = {"<b>ada</b>": SERVER}
    await filled(api)
    page = await root.get(f"{api.url}{PREFIX}admin")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "&lt;b&gt;ada&lt;/b&gt;" in page.text
    assert "<b>" not in page.text
    part = await root.get(f"{api.url}{PREFIX}admin/live")
    assert "ada/digits" in part.text
    for name in ("patch.js", "admin.js", "admin.css"):
        assert (await root.get(f"{api.url}{PREFIX}static/{name}")).status_code == 200


async def test_a_long_queue_is_drawn_in_parts(api: Api, root: httpx.AsyncClient) -> None:
    waiting = make_jobs(api, 105)
    with api.parts.store.write() as session:
        for number, job in enumerate(waiting):
            row = session.get_one(JobRow, job)
            row.state, row.queued = "queued", float(number)
    page = (await root.get(f"{api.url}{PREFIX}admin/live")).text
    assert (page.count('id="queue-job-'), "and 5 more" in page) == (100, True)
    assert waiting[0] in page  # in the queue's order
    page = (await root.get(f"{api.url}{PREFIX}admin/live", params={"queue": 200})).text
    assert (page.count('id="queue-job-'), "data-more" in page) == (105, False)
    problem(await root.get(f"{api.url}{PREFIX}admin/live", params={"queue": 0}), 400)


def test_what_verify_found_alike_on_several_nodes_is_said_once() -> None:
    def seen(node: str, time: float, *failed: str) -> Verification:
        return Verification(
            image=IMAGE, node=node, time=time, passed=not failed, failed=list(failed)
        )

    found = verdicts([seen("b", 3, "gpu: none"), seen("c", 2), seen("a", 4), seen("a", 1)])
    assert [(one.passed, one.nodes, one.time) for one in found] == [
        (False, ["b"], 3),
        (True, ["c", "a"], 4),
    ]


async def test_a_stream_says_when_to_look_again(api: Api, root: httpx.AsyncClient) -> None:
    async with looks(root) as stream:
        await anext(stream)
        await make_job(await api.client("ada"))
        await anext(stream)


@contextlib.asynccontextmanager
async def looks(client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    async with asyncio.timeout(20), client.stream("GET", "admin/changes") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        yield (line async for line in lines if line == "event: look")
