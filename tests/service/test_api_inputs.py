"""Mistakes and odd input: each is a 4xx with a sentence."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio
from tests.support.api import FILES, Api, make_source, problem, running_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({}, "snapshot", "'snapshot' is missing."),
        (
            {"snapshot": "s", "wrokers": 2},
            "wrokers",
            "There is no field 'wrokers' here: leave it out.",
        ),
        (
            {"snapshot": "s", "resources": {"gpu": 1}},
            "resources.gpu",
            "There is no field 'resources.gpu' here: leave it out.",
        ),
        (
            {"snapshot": "s", "workers": 0},
            "workers",
            "'workers' cannot be used: input should be greater than or equal to 1.",
        ),
        ({"snapshot": "s", "disable": ["tea"]}, "disable.0", "'strategy', 'keras'"),
        ({"snapshot": "s", "parameters": {"a": [10**30]}}, "parameters.a.0", "number"),
        ({"snapshot": "s", "parameters": {"a": "\0"}}, "parameters.a", "NUL"),
        ({"snapshot": "s" * 500_000}, "snapshot", "There is no snapshot"),
        ({"snapshot": "s", "name": " "}, "snapshot", "There is no snapshot"),
        ([], None, "The request's body cannot be used"),
    ],
)
async def test_a_mistake_names_its_field(
    ada: httpx.AsyncClient, body: object, field: str | None, sentence: str
) -> None:
    answer = await ada.post("jobs", json=body)
    assert answer.status_code in (400, 404)
    assert sentence in problem(answer, answer.status_code)
    assert answer.json()["field"] == field


async def test_a_key_lives_ten_years_at_most(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("endpoints/ada/digits/keys", json={"expires_in": 1e12})
    assert "'expires_in' cannot be used: input should be less" in problem(answer, 400)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'{"snapshot": "\\ud800"}',
        b"[" * 100_000,
        b'{"snapshot": NaN}',
        b"1e999",
    ],
)
async def test_what_is_no_json_is_refused(ada: httpx.AsyncClient, content: bytes) -> None:
    answer = await ada.post("jobs", content=content, headers={"Content-Type": "application/json"})
    problem(answer, 400)


async def test_a_body_over_its_limit_is_refused(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("jobs", json={"snapshot": "s" * 10_000_000})
    assert problem(answer, 413) == "This request may have 1,000,000 bytes at most."


@pytest.mark.parametrize(
    "path",
    [
        "jobs/%00",
        "jobs/j%00aaaaaaaaa",
        "jobs?owner=%00",
        "jobs/" + "j" * 10_000,
        "jobs/%ff%fe",
        "jobs/%ed%a0%80",
        "jobs?owner=%ed%a0%80",
        "jobs?limit=-1",
        "jobs?limit=99999999999999999999999999",
        "jobs?limit=1e3",
        "jobs?state=asleep",
        "events?after=-1",
        "events?after=9223372036854775808",
        "events?follow=maybe",
        "snapshots/saaaaaaaaaa?wait=1e9",
        "snapshots/saaaaaaaaaa?wait=nan",
        "endpoints/ada/..%2f..%2fx",
        "nothing/here",
    ],
)
async def test_odd_addresses_are_no_failures(ada: httpx.AsyncClient, path: str) -> None:
    request = ada.build_request("GET", "x")
    request.url = request.url.copy_with(raw_path=f"/services/labdock/api/{path}".encode())
    answer = await ada.send(request)
    if answer.status_code == 200:
        assert answer.json() == []
    else:
        assert 400 <= answer.status_code < 500
        problem(answer, answer.status_code)


async def test_raw_bytes_in_an_address_are_no_failure(api: Api) -> None:
    address = urlsplit(api.url)
    for line in (b"GET /services/labdock/api/jobs/\xff", b"GET /services/\xe2\x82", b"G\xffT /"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        status = await reader.readline()
        assert b" 4" in status, status
        writer.close()


async def test_links_and_folders_in_an_upload_are_refused(ada: httpx.AsyncClient) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            member = tarfile.TarInfo("a" * 64)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        answer = await ada.post("blobs?project=ada", content=made.getvalue())
        assert problem(answer, 400) == "The upload may hold files only."


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "sha256:" + "0" * 64},
        {"entry": "other.py"},
        {"files": [{"path": "../train.py", "digest": "sha256:" + "0" * 64}]},
        {"files": [{"path": "train.py", "digest": "md5:" + "0" * 67}]},
        {"files": [{"path": "train.py", "digest": "sha256:" + "0" * 64, "link": "x"}]},
        {"files": [{"path": "train.py"}]},
        {"files": [{"path": "train.py", "link": "../../etc/passwd"}]},
    ],
)
async def test_a_source_that_cannot_be_is_refused(
    ada: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    source = msgspec.to_builtins(make_source(FILES)) | change
    problem(await ada.post("sources", json={"project": "ada", "source": source}), 400)
