"""A page asks a model through a real Jupyter server, which has the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.api import problem
from tests.support.clients import Hand, RunningService, running_service, submit
from tests.support.labserver import lab_server

from labdock.serving import Endpoint, deploy, newest
from labdock.servingschema import DeployRequest

BODY = {"inputs": {"x": [[1.5]]}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture(scope="module")
def endpoint(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Endpoint:
    client, hand = service.client(), Hand(service)
    job = submit(client, tmp_path_factory.mktemp("project"))
    hand.run(job.id)
    hand.save_model(job.id)
    hand.end(job.id)
    made = deploy(client, DeployRequest(model=job.id), "ada", "digits", wait=False)
    hand.serve(newest(made.record).id)
    return made


@pytest.fixture(scope="module")
def lab(
    service: RunningService, tmp_path_factory: pytest.TempPathFactory, tensorflow_python: Path
) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("lab")
    with lab_server(folder, tensorflow_python, LABDOCK_URL=service.url) as client:
        yield client


def test_a_model_answers_and_the_page_sees_no_key(
    service: RunningService, endpoint: Endpoint, lab: httpx.Client
) -> None:
    for _ in range(2):
        answer = lab.post("labdock/predict/ada/digits", json=BODY)
        assert answer.json() == {"outputs": {"x": [[1.5]]}}
    assert answer.headers["Labdock-Revision"] == service.predictions.revision
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "ldk_" not in str(answer.headers) + answer.text
    (key,) = endpoint.keys()
    assert key.expires is not None
    assert all("token-ada" not in str(sent) for sent in service.predictions.requests)


def test_a_key_that_was_revoked_is_made_anew(
    service: RunningService, endpoint: Endpoint, lab: httpx.Client
) -> None:
    service.predictions.refuse = 1
    assert lab.post(f"labdock/predict/ada/{endpoint.name}", json=BODY).status_code == 200


@pytest.mark.usefixtures("endpoint")
def test_what_cannot_be_asked_is_a_sentence(lab: httpx.Client) -> None:
    empty = lab.post("labdock/predict/ada/digits", json={})
    assert (empty.status_code, empty.json()["detail"]) == (400, "Missing 'inputs' or 'instances'")
    answer = lab.post("labdock/predict/ada/nothing", json=BODY)
    assert problem(answer, 404) == "Project ada has no endpoint 'nothing'."
    huge = b"[" + b"1," * 5_000_000 + b"1]"
    problem(lab.post("labdock/predict/ada/digits", content=huge), 413)


def test_a_model_that_does_not_answer_is_asked_one_time(
    service: RunningService,
    endpoint: Endpoint,
    lab: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = f"labdock/predict/ada/{endpoint.name}"
    lab.post(place, json=BODY)
    monkeypatch.setattr(service.predictions, "away", True)
    asked = len(service.predictions.requests)
    assert "does not answer" in problem(lab.post(place, json=BODY), 503)
    assert len(service.predictions.requests) == asked + 1


def test_an_answer_that_is_too_large_for_a_page_is_a_sentence(
    service: RunningService,
    endpoint: Endpoint,
    lab: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service.predictions, "padding", 20_000_001)
    told = problem(lab.post(f"labdock/predict/ada/{endpoint.name}", json=BODY), 400)
    assert told == "The answer is larger than 20 MB: ask for less, or from a program."


def test_a_stranger_is_turned_away(lab: httpx.Client) -> None:
    with httpx.Client(base_url=lab.base_url, timeout=90, follow_redirects=False) as stranger:
        assert stranger.post("labdock/predict/ada/digits", json=BODY).status_code == 403
