"""Secrets over HTTP: values go in, and come out of nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.api import Api, make_job, problem, running_api

from labdock_service.store import secrets

VALUE = "hunter2-and-more"


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


async def names(client: httpx.AsyncClient, project: str | None = None) -> list[str]:
    query = {"project": project} if project else {}
    answer = await client.get("secrets", params=query)
    return [f"{found['project']}/{found['name']}" for found in answer.json()]


async def put(client: httpx.AsyncClient, path: str, value: str = VALUE) -> httpx.Response:
    return await client.put(f"secrets/{path}", json={"value": value})


async def test_a_secret_is_known_by_its_name(ada: httpx.AsyncClient) -> None:
    made = await put(ada, "ada/TOKEN")
    assert made.status_code == 200
    assert (made.json()["name"], made.json()["changed_by"]) == ("TOKEN", "ada")
    assert made.json()["masked"] is True
    assert (await ada.get("secrets")).json() == [made.json()]
    assert (await ada.delete("secrets/ada/TOKEN")).status_code == 204
    assert await names(ada) == []
    problem(await ada.delete("secrets/ada/TOKEN"), 404)


async def test_no_answer_has_a_value(api: Api, ada: httpx.AsyncClient) -> None:
    answers = [await put(ada, "ada/TOKEN"), await put(ada, "ada/TOKEN", VALUE + "2")]
    job = await make_job(ada, secrets=["TOKEN"])
    assert job["secrets"] == ["TOKEN"]
    for path in ("secrets", "secrets?project=ada", f"jobs/{job['id']}", "events", "me", ""):
        answers.append(await ada.get(path))
    for path in ("secrets/ada/TOKEN", "secrets/ada"):
        answers.append(await ada.get(path))
        assert answers[-1].status_code in (404, 405)
    for answer in answers:
        assert VALUE not in answer.text
    assert [event["kind"] for event in (await ada.get("events")).json()][:2] == ["secret.set"] * 2
    folder = api.parts.state.root
    for file in folder.rglob("*"):
        assert not file.is_file() or VALUE.encode() not in file.read_bytes(), file
    assert api.parts.state.secret_keys.stat().st_mode & 0o777 == 0o600


REFUSED: list[tuple[dict[str, object], int]] = [
    ({"value": ""}, 400),
    ({"value": "x" * 40_000}, 400),
    ({"value": "é" * 20_000}, 400),
    ({"value": VALUE + "\0"}, 400),
    ({"value": VALUE, "more": VALUE}, 400),
    ({"value": [VALUE]}, 400),
    ({}, 400),
    ({"value": "x" * 2_000_000}, 413),
]
NO_NAMES = ["1A", "A-B", "É", "A" * 65, "PATH", "path", "LABDOCK_RANK", "LD_PRELOAD", "A B"]


async def test_a_refusal_does_not_repeat_the_value(ada: httpx.AsyncClient) -> None:
    for body, status in REFUSED:
        answer = await ada.put("secrets/ada/TOKEN", json=body)
        assert VALUE not in problem(answer, status)
    assert await names(ada) == []


async def test_a_name_is_that_of_a_variable(ada: httpx.AsyncClient) -> None:
    for name in NO_NAMES:
        problem(await put(ada, f"ada/{name}"), 400)


async def test_a_short_value_is_not_hidden(ada: httpx.AsyncClient) -> None:
    assert (await put(ada, "ada/PIN", "12345")).json()["masked"] is False
    assert (await put(ada, "ada/PIN", "123456")).json()["masked"] is True


async def test_members_use_what_admins_set(
    api: Api, ada: httpx.AsyncClient, grace: httpx.AsyncClient
) -> None:
    alan = await api.client("alan")
    assert "admins" in problem(await put(ada, "vision/SHARED"), 403)
    assert (await put(grace, "vision/SHARED")).status_code == 200
    await put(ada, "ada/OWN")
    assert await names(ada) == ["ada/OWN", "vision/SHARED"]
    assert await names(grace) == ["vision/SHARED"]
    assert await names(ada, "vision") == ["vision/SHARED"]
    problem(await ada.delete("secrets/vision/SHARED"), 403)
    problem(await put(grace, "ada/OWN"), 404)
    problem(await alan.get("secrets", params={"project": "vision"}), 404)
    problem(await put(alan, "vision/SHARED"), 404)
    job = await make_job(ada, "vision", secrets=["OWN", "SHARED", "OWN"])
    assert job["secrets"] == ["OWN", "SHARED"]


async def test_a_job_may_name_what_is_there_alone(
    ada: httpx.AsyncClient, grace: httpx.AsyncClient
) -> None:
    await put(grace, "vision/SHARED")
    await put(grace, "grace/HERS")
    shared = (await make_job(ada, "vision"))["snapshot"]
    own = (await make_job(ada))["snapshot"]
    for snapshot, name in ((shared, "HERS"), (own, "SHARED"), (own, "")):
        answer = await ada.post("jobs", json={"snapshot": snapshot, "secrets": [name]})
        assert f"no secret '{name}'" in problem(answer, 404)
    assert len((await ada.get("jobs")).json()) == 2


async def test_there_is_room_for_so_many(
    ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "MOST", 2)
    for name in ("A", "B", "B"):
        assert (await put(ada, f"ada/{name}")).status_code == 200
    assert "2 secrets" in problem(await put(ada, "ada/C"), 409)
