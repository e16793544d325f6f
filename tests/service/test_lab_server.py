"""The way from JupyterLab to the service, through a real Jupyter server, to the real API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import Api, api_in_thread, make_job, problem
from tests.support.deployment import free_port
from tests.support.labserver import TOKEN, lab_server

from labdock.sse import messages


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_in_thread(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture(scope="module")
def lab(
    api: Api, tmp_path_factory: pytest.TempPathFactory, tensorflow_python: Path
) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("lab")
    told = {"LABDOCK_ENVIRONMENT_TITLE": "TensorFlow 2.21", "LABDOCK_STOP_AFTER": "7200"}
    with lab_server(folder, tensorflow_python, LABDOCK_URL=api.url, **told) as client:
        yield client


def job(api: Api) -> str:
    """A new job of Ada's, made by another program than her page."""

    async def make() -> str:
        headers = {"Authorization": f"token {TOKEN}"}
        base = f"{api.url}/services/labdock/api/"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=90) as client:
            return str((await make_job(client))["id"])

    return asyncio.run(make())


def test_the_page_asks_as_its_person_and_sees_no_token(api: Api, lab: httpx.Client) -> None:
    made = job(api)
    answer = lab.get("labdock/api/jobs", params={"limit": 1})
    assert [one["id"] for one in answer.json()] == [made]
    assert answer.headers["Content-Type"] == "application/json"
    assert TOKEN not in str(answer.headers) + answer.text
    stopped = lab.post(f"labdock/api/jobs/{made}/stop")
    assert stopped.json()["target"] == "stopped"
    assert lab.get("labdock/api/me").json()["name"] == "ada"


def test_a_problem_is_the_services_own(lab: httpx.Client) -> None:
    assert "There is no job 'jnone'." in problem(lab.get("labdock/api/jobs/jnone"), 404)
    wrong = lab.get("labdock/api/jobs?limit=9999")
    assert "limit" in problem(wrong, 400)
    assert wrong.json()["field"] == "limit"


def test_changes_stream_through(api: Api, lab: httpx.Client) -> None:
    with lab.stream("GET", "labdock/api/changes?follow=true") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        stream = messages(answer.iter_bytes())
        assert json.loads(next(stream).data)["everything"]
        made = job(api)
        found = next(m for m in stream if json.loads(m.data)["jobs"])
        assert [one["id"] for one in json.loads(found.data)["jobs"]] == [made]
    headers = {"Last-Event-ID": str(int(found.id or 0) - 1)}
    with lab.stream("GET", "labdock/api/changes?follow=true", headers=headers) as answer:
        again = json.loads(next(messages(answer.iter_bytes())).data)
        assert [one["id"] for one in again["jobs"]] == [made]


def test_what_comes_is_never_a_page(lab: httpx.Client) -> None:
    headers = lab.get("labdock/api/jobs").headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../api/status", "..%2f..%2fhub/api", "%2e%2e/%2e%2e/hub/api/users", "jobs/..%5c.."]
)
def test_nothing_else_of_the_hub_can_be_reached(lab: httpx.Client, path: str) -> None:
    raw = httpx.URL(f"{lab.base_url}labdock/api/").copy_with(
        raw_path=f"/user/ada/labdock/api/{path}".encode()
    )
    answer = lab.send(httpx.Request("GET", raw, headers=lab.headers))
    problem(answer, 404)


@pytest.mark.parametrize("path", ["admin/overview", "%61dmin/overview", "/admin", "%2fadmin/x"])
def test_what_is_for_admins_is_not_reached_from_a_notebook_server(
    lab: httpx.Client, path: str
) -> None:
    raw = httpx.URL(f"{lab.base_url}labdock/api/").copy_with(
        raw_path=f"/user/ada/labdock/api/{path}".encode()
    )
    answer = lab.send(httpx.Request("GET", raw, headers=lab.headers))
    assert problem(answer, 404) == "There is nothing at this address."


def test_only_json_goes_through_and_not_too_much(lab: httpx.Client) -> None:
    plain = {"Content-Type": "text/plain"}
    problem(lab.post("labdock/api/jobs", content=b"{}", headers=plain), 415)
    problem(lab.post("labdock/api/blobs", content=b"tar", headers={}), 415)
    huge = b'"' + b"x" * 2_000_001 + b'"'
    kind = {"Content-Type": "application/json"}
    problem(lab.post("labdock/api/jobs", content=huge, headers=kind), 413)


def test_a_stranger_and_a_forged_request_are_turned_away(lab: httpx.Client) -> None:
    with httpx.Client(base_url=lab.base_url, timeout=90, follow_redirects=False) as stranger:
        assert stranger.get("labdock/api/jobs").status_code in (302, 403)
    with httpx.Client(base_url=lab.base_url, timeout=90) as cookies:
        token = lab.headers["Authorization"].removeprefix("token ")
        cookies.get("api/contents", params={"token": token})  # from here on it is a cookie's
        assert cookies.get("labdock/api/me", headers=from_here(lab)).status_code == 200
        forged = cookies.post("labdock/api/jobs/jnone/stop")
        assert (forged.status_code, "_xsrf" in forged.text) == (403, True)


def from_here(lab: httpx.Client) -> dict[str, str]:
    """What a browser says of the page that asks."""
    return {"Referer": re.sub("/user/.*", "/user/ada/lab", str(lab.base_url))}


def test_a_service_that_is_away_is_a_sentence(tmp_path: Path, tensorflow_python: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with lab_server(tmp_path, tensorflow_python, LABDOCK_URL=nowhere) as client:
        assert "does not answer" in problem(client.get("labdock/api/jobs"), 503)
        stream = client.get("labdock/api/changes?follow=true")
        assert "does not answer" in problem(stream, 503)


def test_a_server_outside_of_a_hub_says_what_to_set(
    tmp_path: Path, tensorflow_python: Path
) -> None:
    with lab_server(tmp_path, tensorflow_python, LABDOCK_URL="") as client:
        assert "Set LABDOCK_URL" in problem(client.get("labdock/api/jobs"), 503)


def test_a_server_says_what_it_uses(lab: httpx.Client) -> None:
    before = lab.get("api/status").json()["last_activity"]
    figures = lab.get("labdock/figures").json()
    assert 0 <= figures["cpus_used"] <= figures["cpus"] * 1.5
    assert 10_000_000 < figures["memory_used"] < figures["memory"]
    assert (figures["gpus"], figures["environment"]) == (0, "TensorFlow 2.21")
    assert lab.get("api/status").json()["last_activity"] == before, "a page that looks is no work"


def test_how_it_stands_with_the_gpus_of_a_server_that_the_hub_does_not_know(
    lab: httpx.Client,
) -> None:
    lease = lab.get("labdock/gpus").json()
    assert (lease["state"], lease["visible"]) == ("none", "")
    refused = lab.post("labdock/gpus/release", json={})
    assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("gpus/acquire", {"gpus": "many"}),
        ("gpus/release", []),
        ("copies", {"job": 1}),
        ("copies", {}),
        ("training/check", {"path": ["x"]}),
    ],
)
def test_what_cannot_be_read_is_a_sentence(lab: httpx.Client, path: str, body: Any) -> None:
    assert "This cannot be read" in problem(lab.post(f"labdock/{path}", json=body), 400)


def test_nothing_else_gives_back_or_asks_for_gpus(lab: httpx.Client) -> None:
    for path in ("", "/", "/anything"):
        assert lab.post(f"labdock/gpus{path}", json={}).status_code in (404, 405)


def test_the_page_knows_when_its_server_is_stopped(lab: httpx.Client) -> None:
    page = lab.get("lab").text
    assert '"labdockIdleSeconds": "7200"' in page


def test_the_page_holds_no_token_of_the_person(lab: httpx.Client) -> None:
    page = lab.get("lab")
    assert '"labdockIdleSeconds"' in page.text
    assert TOKEN not in page.text + str(page.headers)
