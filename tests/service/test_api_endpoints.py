"""Endpoints, keys and traces over the API, and the page."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import (
    PREFIX,
    Api,
    Filled,
    WrittenPerson,
    fill,
    make_job,
    problem,
    running_api,
)

from labdock_service.api.endpoints import write_live_keys
from labdock_service.serving.tables import read_keys
from labdock_service.store import endpoints, jobs
from labdock_service.store.tables import EndpointRow, JobRow, ModelRow, PersonRow, ProjectRow

DIGITS = "endpoints/ada/digits"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as made:
        yield made


@pytest.fixture
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


@pytest.fixture
async def filled(api: Api) -> Filled:
    user = await api.hub.user("ada")
    assert user is not None
    return fill(api.parts.store, user)


def serve(api: Api, endpoint: str, revision: str) -> None:
    """Give a revision the traffic, as the reconciler does."""
    with api.parts.store.write() as session:
        row = session.get_one(EndpointRow, endpoint)
        row.traffic = [{"revision": revision, "weight": 100}]


async def test_a_model_goes_behind_an_endpoint_and_back(
    api: Api, ada: httpx.AsyncClient, filled: Filled
) -> None:
    first = (await ada.get(DIGITS)).json()
    assert (first["url"], len(first["revisions"])) == ("/services/endpoints/ada/digits", 1)
    problem(await ada.post(f"{DIGITS}/undo"), 409)
    serve(api, first["id"], filled.revision)
    answer = await ada.post(f"{DIGITS}/deploy", json={"model": filled.job})
    assert answer.status_code == 202, answer.text
    second = answer.json()["revisions"][-1]
    assert (second["number"], second["model"]) == (2, filled.model)
    assert (first["before"], answer.json()["before"]) == (None, filled.revision)
    serve(api, first["id"], second["id"])
    undone = await ada.post(f"{DIGITS}/undo")
    assert (undone.status_code, undone.json()["before"]) == (200, second["id"])
    with api.parts.store.read() as session:
        assert session.get_one(EndpointRow, first["id"]).wanted == filled.revision
    assert (await ada.delete(DIGITS)).status_code == 204
    problem(await ada.get(DIGITS), 404)
    assert (await ada.get("endpoints")).json() == []


async def test_a_deploy_makes_the_endpoint(ada: httpx.AsyncClient, filled: Filled) -> None:
    answer = await ada.post("endpoints/ada/fresh/deploy", json={"model": filled.model})
    assert answer.status_code == 202
    assert answer.json()["name"] == "fresh"
    for name in ("Fresh", "a b", "-a", "a" * 64, "ü"):
        path = f"endpoints/ada/{name}/deploy"
        assert "lower-case" in problem(await ada.post(path, json={"model": filled.model}), 400)


@pytest.mark.usefixtures("filled")
async def test_what_cannot_be_deployed_is_a_sentence(api: Api, ada: httpx.AsyncClient) -> None:
    job = (await make_job(ada))["id"]
    answer = await ada.post(f"{DIGITS}/deploy", json={"model": job})
    said = f"Job {job} has saved no model yet: wait for its end."
    assert problem(answer, 409) == said
    with api.parts.store.write() as session:
        session.get_one(JobRow, job).state = "failed"
    answer = await ada.post(f"{DIGITS}/deploy", json={"model": job})
    assert problem(answer, 409) == f"Job {job} has ended and saved no model: deploy another."
    for unknown in ("maaaaaaaaaa", "jaaaaaaaaaa", "x", "j"):
        problem(await ada.post(f"{DIGITS}/deploy", json={"model": unknown}), 404)


async def test_a_model_that_is_not_what_was_trained_is_deployed_on_request_only(
    api: Api, ada: httpx.AsyncClient, filled: Filled
) -> None:
    reason = "Its answers differ by up to 3.6."
    with api.parts.store.write() as session:
        row = session.get_one(ModelRow, filled.model)
        row.checked = {"state": "different", "difference": 3.6, "allowed": 0.1, "reason": reason}
    path = "endpoints/ada/marked/deploy"
    said = problem(await ada.post(path, json={"model": filled.model}), 409)
    assert said == (
        f"Version 1 of model digits is not what was trained. {reason} "
        "Save it again, or deploy it anyway (`--anyway`, `anyway=True`)."
    )
    assert (await ada.get("endpoints/ada/marked")).status_code == 404
    answer = await ada.post(path, json={"model": filled.model, "anyway": True})
    assert answer.status_code == 202, answer.text


async def test_a_model_has_a_sample_where_it_is_asked_for_alone(
    api: Api, ada: httpx.AsyncClient, filled: Filled
) -> None:
    before = (await ada.get(f"models/{filled.model}")).json()
    assert before["check"]["state"] == "unchecked" and before["sample"] is None
    with api.parts.store.write() as session:
        row = session.get_one(ModelRow, filled.model)
        row.sample = {"inputs": {"x": [[1.0]]}, "outputs": {"y": [2]}}
        row.checked = {"state": "equal", "difference": 0.0, "allowed": 0.1}
    (listed,) = (await ada.get("models")).json()
    assert (listed["check"]["state"], listed["sample"]) == ("equal", None)
    found = (await ada.get(f"models/{filled.model}")).json()
    assert found["sample"] == {"inputs": {"x": [[1.0]]}, "outputs": {"y": [2]}, "made": False}


async def test_a_model_stays_in_its_project(
    api: Api, ada: httpx.AsyncClient, filled: Filled
) -> None:
    answer = await ada.post("endpoints/vision/digits/deploy", json={"model": filled.model})
    assert "another project" in problem(answer, 409)
    alan = await api.client("alan")
    answer = await alan.post("endpoints/alan/digits/deploy", json={"model": filled.model})
    problem(answer, 404)
    for path in (DIGITS, f"{DIGITS}/keys", f"revisions/{filled.revision}/trace"):
        problem(await alan.get(path), 404)
    problem(await alan.get(f"models/{filled.model}"), 404)
    problem(await alan.delete(DIGITS), 404)


@pytest.mark.usefixtures("filled")
async def test_a_secret_is_shown_once_and_ends_at_once(api: Api, ada: httpx.AsyncClient) -> None:
    made = (await ada.post(f"{DIGITS}/keys", json={"title": "curl", "expires_in": 60})).json()
    assert re.fullmatch(r"ldk_[\w-]{43}", made["secret"])
    assert time.time() < made["expires"] < time.time() + 61
    digest = hashlib.sha256(made["secret"].encode()).hexdigest()
    listed = (await ada.get(f"{DIGITS}/keys")).json()
    assert [key["title"] for key in listed] == ["mine", "curl"]
    assert all(key["secret"] is None for key in listed)
    assert digest in table(api)
    assert made["secret"] not in api.parts.state.database.read_bytes().decode("latin-1")
    assert (await ada.delete(f"{DIGITS}/keys/{made['id']}")).status_code == 204
    assert digest not in table(api)
    problem(await ada.delete(f"{DIGITS}/keys/{made['id']}"), 404)
    problem(await ada.delete(f"{DIGITS}/keys/{'k' * 5000}"), 400)
    assert len(table(api)) == 1
    await ada.delete(DIGITS)
    assert table(api) == {}


async def test_members_make_keys_that_soon_expire(api: Api, ada: httpx.AsyncClient) -> None:
    grace = await api.client("grace")
    me = (await grace.get("me")).json()
    with api.parts.store.write() as session:
        shared = session.get_one(ProjectRow, me["projects"][1]["id"])
        endpoints.ensure(session, shared, "digits", session.get_one(PersonRow, me["id"]))
    keys = "endpoints/vision/digits/keys"
    made = await ada.post(keys, json={"expires_in": 3600})
    assert made.status_code == 201 and made.json()["secret"].startswith("ldk_")
    for lasting in ({}, {"expires_in": 3601}):
        assert "within an hour" in problem(await ada.post(keys, json=lasting), 403)
    problem(await ada.delete(f"{keys}/{made.json()['id']}"), 403)
    assert (await grace.post(keys, json={})).status_code == 201
    alan = await api.client("alan")
    problem(await alan.post(keys, json={"expires_in": 60}), 404)


async def test_an_endpoint_of_a_project_has_lasting_keys_by_its_admins_alone(api: Api) -> None:
    """A member who leaves keeps none, whether it was made in their own server or the project's."""
    api.hub.people["project--vision"] = WrittenPerson(groups=["vision"])
    shared, ada = await api.client("project--vision"), await api.client("ada")
    me = (await shared.get("me")).json()
    with api.parts.store.write() as session:
        project = session.get_one(ProjectRow, me["projects"][0]["id"])
        endpoints.ensure(session, project, "digits", session.get_one(PersonRow, me["id"]))
    keys = "endpoints/vision/digits/keys"
    for member in (shared, ada):
        assert "within an hour" in problem(await member.post(keys, json={}), 403)
        assert (await member.post(keys, json={"expires_in": 3600})).status_code == 201
    grace = await api.client("grace")
    made = await grace.post(keys, json={})
    assert made.status_code == 201
    assert (await ada.delete(f"{keys}/{made.json()['id']}")).status_code == 204


def table(api: Api) -> dict[str, str]:
    """The router's keys: hash to endpoint."""
    return {key.sha256: key.endpoint for key in read_keys(api.parts.state.run)}


async def test_the_table_of_keys_is_written_at_the_start(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        user = await api.hub.user("ada")
        assert user is not None
        fill(api.parts.store, user)
        assert table(api) == {}
        write_live_keys(api.parts)
        assert len(table(api)) == 1


async def test_the_way_back_leads_to_the_notebook(ada: httpx.AsyncClient, filled: Filled) -> None:
    trace = (await ada.get(f"revisions/{filled.revision}/trace")).json()
    found = {name: trace[name]["id"] for name in ("revision", "model", "job", "snapshot")}
    assert found == {
        "revision": filled.revision,
        "model": filled.model,
        "job": filled.job,
        "snapshot": filled.snapshot,
    }
    assert trace["entry"] == "train.py"


async def test_the_page_shows_what_is_there(
    api: Api, ada: httpx.AsyncClient, filled: Filled
) -> None:
    with api.parts.store.write() as session:
        job = session.get_one(JobRow, filled.job)
        job.name, job.state = "<script>alert(1)</script>", "running"
        told = {"epoch": 3, "epochs": 5, "step": 5, "steps": 10, "metrics": {"loss": 0.25}}
        job.progress = {**told, "seconds_left": 75.0}
        assert jobs.view(session, job).progress.epoch == 3
    page = await ada.get(f"{api.url}{PREFIX}")
    assert page.status_code == 200
    for shown in ("&lt;script&gt;", 'value="0.500"', "loss 0.25", "1 min 15 s left", "ada/digits"):
        assert shown in page.text, shown
    assert "<script>alert" not in page.text
    assert '/services/tensorboard/ada/">ada</a> <span class="dim">your own</span>' in page.text
    assert '/services/tensorboard/vision/">vision</a></li>' in page.text
    for name, kind in (("style.css", "text/css"), ("live.js", "text/javascript")):
        answer = await ada.get(f"{api.url}{PREFIX}static/{name}")
        assert answer.headers["Content-Type"].startswith(kind)
    problem(await ada.get(f"{api.url}{PREFIX}static/page.html"), 404)
    assert "ada/digits" in (await ada.get(f"{api.url}{PREFIX}live")).text


async def test_every_answer_carries_the_security_headers(api: Api, ada: httpx.AsyncClient) -> None:
    for address in (PREFIX, f"{PREFIX}api/jobs", f"{PREFIX}nothing", f"{PREFIX}%00"):
        request = ada.build_request("GET", f"{api.url}{PREFIX}")
        request.url = request.url.copy_with(raw_path=address.encode())
        headers = (await ada.send(request)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_the_document_names_what_a_program_needs(ada: httpx.AsyncClient) -> None:
    document: dict[str, Any] = json.loads((await ada.get("openapi.json")).content)
    assert document["components"]["schemas"]["JobRequest"]["additionalProperties"] is False
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
