"""The API end to end, over HTTP, without the reconciler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from pydantic import ByteSize
from tests.support.api import (
    ENVIRONMENT,
    FILES,
    Api,
    WrittenPerson,
    make_environment,
    make_job,
    make_settings,
    make_source,
    make_tar,
    problem,
    running_api,
    send_source,
    sha256,
)

from labdock_service.sections import LimitSettings
from labdock_service.store.tables import SnapshotRow
from labdock_service.wakeup import wake


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as made:
        yield made


@pytest.fixture
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


@pytest.fixture
async def grace(api: Api) -> httpx.AsyncClient:
    return await api.client("grace")


@pytest.fixture
async def alan(api: Api) -> httpx.AsyncClient:
    return await api.client("alan")


async def test_a_source_becomes_a_job(api: Api, ada: httpx.AsyncClient) -> None:
    job = await make_job(ada, name="first", arguments=["--rate", "0.1"])
    assert (job["state"], job["owner"], job["project"]) == ("packaging", "ada", "ada")
    assert (await ada.get(f"jobs/{job['id']}")).json() == job
    assert [found["id"] for found in (await ada.get("jobs")).json()] == [job["id"]]
    for content in FILES.values():
        assert api.parts.state.blob(sha256(content)).read_bytes() == content
    stopped = (await ada.post(f"jobs/{job['id']}/stop")).json()
    assert stopped["target"] == "stopped"


async def test_a_job_that_could_never_run_is_refused(ada: httpx.AsyncClient) -> None:
    snapshot = (await make_job(ada))["snapshot"]
    for more, words in (
        ({"resources": {"gpus": 64}}, "Needs 64 GPUs, and there are "),
        ({"workers": 256, "resources": {"cpus": 1024}}, "CPUs in all: ask for less."),
        ({"name": "two\nlines"}, "'name' must be one line"),
        ({"name": "\x1b[1m"}, "'name' must be one line"),
    ):
        answer = await ada.post("jobs", json={"snapshot": snapshot, **more})
        assert words in problem(answer, 400)
    assert len((await ada.get("jobs")).json()) == 1


async def test_who_is_asking_and_what_there_is(grace: httpx.AsyncClient) -> None:
    service = (await grace.get("")).json()
    assert (service["api"], service["engine"]) == (1, "process")
    me = (await grace.get("me")).json()
    assert [(p["name"], p["role"]) for p in me["projects"]] == [
        ("grace", "admin"),
        ("vision", "admin"),
    ]
    (environment,) = (await grace.get("environments")).json()
    assert (environment["name"], environment["default"]) == ("tf", True)
    (node,) = (await grace.get("nodes")).json()
    assert node["cpus"] > 0
    assert node["cpus_leased"] == 0


async def test_when_a_job_would_start_is_foretold(ada: httpx.AsyncClient) -> None:
    at_once = (await ada.get("start-forecast", params={"cpus": 0.5})).json()
    assert at_once == {"seconds": 0.0, "message": "Starts at once.", "before": 0}
    refused = await ada.get("start-forecast", params={"workers": 256, "cpus": 1024})
    assert refused.status_code == 400
    assert refused.json()["field"] == "resources"
    assert refused.json()["detail"].endswith(": ask for less.")


async def test_the_default_environment_is_the_one_that_the_setting_names(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, default_environment=ENVIRONMENT)
    make_environment(settings.state, "marked", digest="sha256:" + "f" * 64)
    async with running_api(tmp_path, settings) as api:
        ada = await api.client("ada")
        listed = (await ada.get("environments")).json()
        assert {one["name"]: one["default"] for one in listed} == {"marked": False, "tf": True}
        job = await make_job(ada)
        snapshot = (await ada.get(f"snapshots/{job['snapshot']}")).json()
        assert snapshot["environment"] == ENVIRONMENT


async def test_others_do_not_see_what_members_see(
    api: Api, ada: httpx.AsyncClient, grace: httpx.AsyncClient, alan: httpx.AsyncClient
) -> None:
    root = await api.client("root")
    shared = await make_job(ada, "vision")
    own = await make_job(ada)
    for path in (
        f"jobs/{shared['id']}",
        f"jobs/{shared['id']}/files",
        f"jobs/{shared['id']}/logs",
        f"snapshots/{shared['snapshot']}",
        f"events?job={shared['id']}",
        "events?project=vision",
        "jobs?project=vision",
        "endpoints?project=vision",
        "models?project=vision",
    ):
        assert (await grace.get(path)).status_code == 200, path
        problem(await alan.get(path), 404)
        problem(await root.get(path), 404)
    problem(await grace.get(f"jobs/{own['id']}"), 404)
    assert (await alan.get("jobs")).json() == []
    assert (await alan.get("events")).json() == []
    problem(await alan.post("jobs", json={"snapshot": shared["snapshot"]}), 404)


async def test_owners_and_admins_change_and_members_do_not(
    ada: httpx.AsyncClient, grace: httpx.AsyncClient, alan: httpx.AsyncClient
) -> None:
    of_ada, of_grace = await make_job(ada, "vision"), await make_job(grace, "vision")
    stop = "jobs/{}/stop"
    assert "admins" in problem(await ada.post(stop.format(of_grace["id"])), 403)
    problem(await alan.post(stop.format(of_grace["id"])), 404)
    assert (await grace.post(stop.format(of_ada["id"]))).json()["target"] == "stopped"
    assert (await ada.get(f"jobs/{of_grace['id']}")).json()["target"] == "succeeded"


async def test_what_is_made_in_a_projects_own_server_is_everybodys_in_it(
    api: Api, ada: httpx.AsyncClient
) -> None:
    api.hub.people["project--vision"] = WrittenPerson(groups=["vision"])
    shared = await api.client("project--vision")
    me = (await shared.get("me")).json()
    assert [project["name"] for project in me["projects"]] == ["vision"]
    assert me["projects"][0]["together"] == "/hub/spawn/project--vision"
    job = await make_job(shared, project="vision")
    assert (job["owner"], job["project"]) == ("project--vision", "vision")
    assert (await ada.post(f"jobs/{job['id']}/stop")).status_code == 200
    hers = await make_job(ada, project="vision")
    assert "Only its owner" in problem(await shared.post(f"jobs/{hers['id']}/stop"), 403)
    own = await shared.post("sources", json={"project": "project--vision", "source": {}})
    assert own.status_code in (400, 404)


async def test_an_unexpected_failure_is_a_sentence_and_a_log_line(
    api: Api, ada: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    (api.parts.state.environments / "bad").mkdir(parents=True)
    (api.parts.state.environments / "bad/environment.json").write_text("secret path")
    answer = await ada.get("environments")
    sentence = problem(answer, 500)
    assert "secret" not in answer.text
    assert sentence.split()[-1].rstrip(".") in caplog.text


async def test_uploads_are_verified(
    api: Api, ada: httpx.AsyncClient, alan: httpx.AsyncClient
) -> None:
    good = b"good"
    name = sha256(good)[7:]
    refused = {
        "other digest": (make_tar({name: b"other"}), 400),
        "no digest": (make_tar({"../../x": good}), 400),
        "no tar": (b"nothing like it" * 1000, 400),
        "cut off": (make_tar({name: b"g" * 5000})[:2000], 400),
        "empty": (b"", 400),
    }
    for what, (content, status) in refused.items():
        answer = await ada.post("blobs?project=ada", content=content)
        assert answer.status_code == status, what
        problem(answer, status)
    assert not list(api.parts.state.blobs.glob("*"))
    problem(await alan.post("blobs?project=vision", content=make_tar({name: good})), 404)
    assert (await ada.post("blobs?project=ada", content=make_tar({name: good}))).status_code == 200


async def test_an_upload_over_the_limit_is_refused(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, limits=LimitSettings(source_bytes=ByteSize(10_000)))
    async with running_api(tmp_path, settings) as api:
        ada = await api.client("ada")
        content = b"x" * 10_001
        tar = make_tar({sha256(content)[7:]: content})
        problem(await ada.post("blobs?project=ada", content=tar), 413)
        again = make_tar({sha256(content[:4000])[7:]: content[:4000]})[: 512 + 4096]
        problem(await ada.post("blobs?project=ada", content=again * 3 + bytes(1024)), 413)
        source = msgspec.to_builtins(make_source({"train.py": content}))
        problem(await ada.post("sources", json={"project": "ada", "source": source}), 413)


async def test_contents_are_known_to_their_project_only(
    ada: httpx.AsyncClient, alan: httpx.AsyncClient
) -> None:
    await send_source(ada)
    source = msgspec.to_builtins(make_source(FILES))
    again = (await ada.post("sources", json={"project": "ada", "source": source})).json()
    assert again["digests"] == []
    other = (await alan.post("sources", json={"project": "alan", "source": source})).json()
    assert set(other["digests"]) == {sha256(content) for content in FILES.values()}
    body = {"project": "alan", "source": source["digest"]}
    assert "missing" in problem(await alan.post("snapshots", json=body), 409)


async def test_a_snapshot_needs_what_there_is(ada: httpx.AsyncClient) -> None:
    body = {"project": "ada", "source": "sha256:" + "0" * 64}
    assert "send it first" in problem(await ada.post("snapshots", json=body), 404)
    body = {"project": "ada", "source": await send_source(ada), "environment": "latest"}
    sentence = problem(await ada.post("snapshots", json=body), 400)
    assert sentence == "There is no environment 'latest'; there are: tf."


async def test_waiting_for_a_snapshot_ends_when_it_is_ready(
    api: Api, ada: httpx.AsyncClient
) -> None:
    body = {"project": "ada", "source": await send_source(ada)}
    snapshot = (await ada.post("snapshots", json=body)).json()
    waiting = asyncio.create_task(ada.get(f"snapshots/{snapshot['id']}?wait=50"))
    await asyncio.sleep(0)
    with api.parts.store.write() as session:
        session.get_one(SnapshotRow, snapshot["id"]).state = "ready"
    wake(api.parts.state.run / "api.pipe")
    answer = await asyncio.wait_for(waiting, 40)
    assert answer.json()["state"] == "ready"


async def test_who_is_known_waits_for_nobody_who_writes(api: Api, ada: httpx.AsyncClient) -> None:
    before = (await ada.get("me")).json()
    source = msgspec.to_builtins(make_source({"train.py": b"1"})) | {"entry": "other.py"}
    await forget(api)
    with api.parts.store.write():
        async with asyncio.timeout(20):
            assert (await ada.get("me")).json() == before
            answer = await ada.post("sources", json={"project": "ada", "source": source})
    assert "does not hold its entry" in problem(answer, 400)


async def test_a_group_made_anew_inherits_nothing(api: Api, ada: httpx.AsyncClient) -> None:
    job = await make_job(ada, "vision")
    api.hub.groups["vision"] = {}
    await forget(api)
    problem(await ada.get(f"jobs/{job['id']}"), 404)
    assert (await ada.get("jobs?project=vision")).json() == []


async def test_without_the_hubs_leave_the_name_counts(api: Api, ada: httpx.AsyncClient) -> None:
    api.hub.properties_may_be_written = False
    job = await make_job(ada, "vision")
    await forget(api)
    assert (await ada.get(f"jobs/{job['id']}")).status_code == 200


async def forget(api: Api) -> None:
    """What the API keeps of the hub for some seconds is over."""
    for kept in (api.hub._properties, api.hub._users, api.parts.people._groups):
        kept.clear()
    api.parts.people._persons.clear()
