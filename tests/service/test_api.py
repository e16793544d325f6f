"""The API end to end, over HTTP, without the reconciler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.support.api import Api, make_source, make_tar, running_api, sha256

FILES = {"train.py": b"print('hello')\n", "data/x.csv": b"1,2\n"}


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


async def send_source(client: httpx.AsyncClient, project: str = "ada") -> str:
    source = make_source(FILES)
    body = {"project": project, "source": msgspec.to_builtins(source)}
    answer = await client.post("sources", json=body)
    assert answer.status_code == 200, answer.text
    missing = answer.json()["digests"]
    contents = {sha256(content): content for content in FILES.values()}
    tar = make_tar({digest[7:]: contents[digest] for digest in missing})
    answer = await client.post("blobs", params={"project": project}, content=tar)
    assert (answer.status_code, answer.json()) == (200, {"digests": []})
    return source.digest


async def make_job(client: httpx.AsyncClient, project: str = "ada", **more: Any) -> dict[str, Any]:
    source = await send_source(client, project)
    answer = await client.post("snapshots", json={"project": project, "source": source})
    assert answer.status_code == 201, answer.text
    answer = await client.post("jobs", json={"snapshot": answer.json()["id"], **more})
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of an error, which has to be one."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "detail", "field"}
    sentence: str = body["detail"]
    assert sentence[0].isupper() or sentence[0] == "'", sentence
    assert sentence.endswith("."), sentence
    return sentence


async def test_a_source_becomes_a_job(api: Api, ada: httpx.AsyncClient) -> None:
    job = await make_job(ada, name="first", parameters={"rate": 0.1})
    assert (job["state"], job["owner"], job["project"]) == ("packaging", "ada", "ada")
    assert (await ada.get(f"jobs/{job['id']}")).json() == job
    assert [found["id"] for found in (await ada.get("jobs")).json()] == [job["id"]]
    for content in FILES.values():
        assert api.parts.state.blob(sha256(content)).read_bytes() == content
    stopped = (await ada.post(f"jobs/{job['id']}/stop")).json()
    assert stopped["target"] == "stopped"
