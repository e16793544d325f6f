"""The stream that a page keeps its lists by: what has changed, as it is now."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import Api, fill, make_job, problem, running_api

from labdock.sse import Message, messages
from labdock_service.api import editions
from labdock_service.store.tables import JobRow

LIMIT = 90.0


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as made:
        yield made


@pytest.fixture
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


@contextlib.asynccontextmanager
async def following(
    client: httpx.AsyncClient, after: str | None = None
) -> AsyncIterator[AsyncIterator[Message]]:
    headers = {"Last-Event-ID": after} if after else {}
    async with (
        asyncio.timeout(LIMIT),
        client.stream("GET", "changes?follow=true", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield _messages(answer)


async def _messages(answer: httpx.Response) -> AsyncIterator[Message]:
    async for chunk in answer.aiter_bytes():
        for message in messages([chunk]):
            yield message


def told(message: Message) -> dict[str, Any]:
    assert message.event == "changes"
    found: dict[str, Any] = json.loads(message.data)
    assert message.id == str(found["at"])
    return found


async def test_it_begins_now_and_tells_of_jobs_as_they_are(ada: httpx.AsyncClient) -> None:
    before = await make_job(ada)
    async with following(ada) as stream:
        first = told(await anext(stream))
        assert (first["everything"], first["jobs"]) == (True, [])
        await ada.post(f"jobs/{before['id']}/stop")
        (job,) = told(await anext(stream))["jobs"]
    assert (job["id"], job["target"]) == (before["id"], "stopped")
    now = (await ada.get(f"jobs/{job['id']}")).json()
    assert {**now, "progress": job["progress"]} == job  # where a number is none, it may be absent


async def test_after_a_break_it_goes_on_and_each_thing_comes_once(ada: httpx.AsyncClient) -> None:
    async with following(ada) as stream:
        at = (await anext(stream)).id
    one, other = await make_job(ada), await make_job(ada)
    await ada.post(f"jobs/{one['id']}/stop")
    async with following(ada, at) as stream:
        found = told(await anext(stream))
    assert not found["everything"]
    assert [job["id"] for job in found["jobs"]] == [other["id"], one["id"]]


async def test_who_missed_too_much_reads_the_list_again(
    ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = (await ada.get("changes")).json()["at"]
    await make_job(ada)
    await make_job(ada)
    monkeypatch.setattr(editions, "MOST_EVENTS", 1)
    found = (await ada.get("changes", params={"after": at})).json()
    assert (found["everything"], found["jobs"]) == (True, [])
    assert found["at"] == (await ada.get("changes")).json()["at"]


async def test_a_database_that_was_restored_counts_from_the_start(ada: httpx.AsyncClient) -> None:
    await make_job(ada)
    assert (await ada.get("changes?after=1000000")).json()["everything"]


async def test_nobody_hears_of_the_projects_of_others(api: Api, ada: httpx.AsyncClient) -> None:
    alan = await api.client("alan")
    await alan.get("me")
    async with following(alan) as stream:
        await anext(stream)
        await make_job(ada)
        mine = await make_job(alan, "alan")
        while not (jobs := told(await anext(stream))["jobs"]):
            continue
    assert [job["id"] for job in jobs] == [mine["id"]]


async def test_endpoints_come_and_go(api: Api, ada: httpx.AsyncClient) -> None:
    await ada.get("me")
    at = (await ada.get("changes")).json()["at"]
    user = await api.hub.user("ada")
    assert user is not None
    made = fill(api.parts.store, user)
    found = (await ada.get("changes", params={"after": at})).json()
    assert [one["name"] for one in found["endpoints"]] == [made.endpoint]
    assert made.job in {job["id"] for job in found["jobs"]}
    await ada.delete("endpoints/ada/digits")
    gone = (await ada.get("changes", params={"after": found["at"]})).json()
    assert (gone["endpoints"], gone["deleted_endpoints"]) == ([], [found["endpoints"][0]["id"]])


async def test_a_deleted_job_is_told_as_deleted(ada: httpx.AsyncClient, api: Api) -> None:
    job = await make_job(ada)
    with api.parts.store.write() as session:
        session.get_one(JobRow, job["id"]).state = "failed"
    at = (await ada.get("changes")).json()["at"]
    assert (await ada.delete(f"jobs/{job['id']}")).status_code == 200
    (found,) = (await ada.get("changes", params={"after": at})).json()["jobs"]
    assert found["deleted"]


async def test_what_is_no_number_is_refused(ada: httpx.AsyncClient) -> None:
    answer = await ada.get("changes?follow=true", headers={"Last-Event-ID": "x"})
    assert "must be an event's number" in problem(answer, 400)
