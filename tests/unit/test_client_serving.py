"""Endpoints through the client: deploy, keys, predict, undo, trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.clients import Hand, RunningService, running_service, submit

from labdock import errors, servingschema
from labdock.client import Client
from labdock.running import Job
from labdock.serving import Endpoint, deploy, find_endpoint, newest, server_of
from labdock.servingschema import DeployRequest


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def client(service: RunningService) -> Client:
    return service.client()


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture
def job(client: Client, hand: Hand, tmp_path: Path) -> Job:
    job = submit(client, tmp_path)
    hand.run(job.id)
    hand.save_model(job.id)
    hand.end(job.id)
    return job


@pytest.fixture
def endpoint(client: Client, hand: Hand, job: Job) -> Endpoint:
    made = deploy(client, DeployRequest(model=job.id), "ada", f"e-{job.id}", wait=False)
    hand.serve(newest(made.record).id)
    return made


def test_a_job_is_deployed_once_its_revision_serves(client: Client, hand: Hand, job: Job) -> None:
    deployed: list[Endpoint] = []
    deploying = threading.Thread(target=lambda: deployed.append(job.deploy("digits")))
    deploying.start()
    while deploying.is_alive():
        for record in client.endpoints():
            if not record.traffic:
                hand.serve(newest(record).id)
        deploying.join(0.05)
    assert deployed[0].record.traffic[0].weight == 100
    assert deployed[0].url.endswith("/services/endpoints/ada/digits:predict")
    assert deployed[0].trace().job.id == job.id


def test_a_revision_that_does_not_come_up_is_told(hand: Hand, job: Job) -> None:
    endpoint = job.deploy("broken", wait=False)
    hand.serve(newest(endpoint.record).id, "failed", "The model asks for 9 inputs.")
    with pytest.raises(errors.DeployFailed, match="asks for 9 inputs"):
        endpoint.wait()


def test_waiting_for_a_revision_has_an_end(job: Job) -> None:
    with pytest.raises(errors.StillRunning):
        job.deploy("slow", wait=False).wait(timeout=0.2)


def test_predict_takes_lists_arrays_and_named_inputs(endpoint: Endpoint) -> None:
    numpy = pytest.importorskip("numpy")
    assert endpoint.predict([[1, 2], [3, 4]]) == [[2, 4], [6, 8]]
    doubled = endpoint.predict(numpy.array([[1.5, 2.0]], dtype="float32"))
    assert isinstance(doubled, numpy.ndarray) and doubled.tolist() == [[3.0, 4.0]]
    assert endpoint.predict({"a": [[1]], "b": [[2]]}) == {"a": [[1]], "b": [[2]]}
    named = endpoint.predict({"a": numpy.array([[1]])})
    assert named["a"].tolist() == [[1]]
    assert endpoint.predict([[numpy.float32(2)]]) == [[4.0]]


def test_predict_says_what_cannot_be_sent(endpoint: Endpoint) -> None:
    with pytest.raises(errors.Mistake, match="object can't be sent"):
        endpoint.predict([object()])
    with pytest.raises(errors.Mistake, match="Missing 'inputs'"):
        endpoint.ask(b"{}")


def test_predict_shows_the_endpoint_a_key_and_never_the_token(
    service: RunningService, endpoint: Endpoint
) -> None:
    endpoint.predict([[1]])
    endpoint.predict([[1]])
    (key,) = endpoint.keys()
    assert key.title == "labdock predict" and key.expires is not None and key.secret is None
    sent = service.predictions.requests[-2:]
    assert all("token-ada" not in str(headers) for headers in sent)


def test_a_key_that_was_revoked_is_made_anew(service: RunningService, endpoint: Endpoint) -> None:
    endpoint.predict([[1]])
    service.predictions.refuse = 1
    assert endpoint.predict([[1]]) == [[2]]
    service.predictions.refuse = 2
    with pytest.raises(errors.NotAllowed, match="does not open"):
        endpoint.predict([[1]])


def test_a_key_that_is_given_is_the_one_that_counts(
    service: RunningService, endpoint: Endpoint
) -> None:
    given = endpoint.create_key("mine", expires_in=60)
    assert endpoint.predict([[1]], key=given.secret) == [[2]]
    assert service.predictions.requests[-1]["authorization"] == f"Bearer {given.secret}"
    service.predictions.refuse = 1
    with pytest.raises(errors.NotAllowed):
        endpoint.predict([[1]], key=given.secret)
    known = endpoint.keys()
    assert [key.title for key in known] == ["mine"]


def test_keys_are_made_listed_and_revoked(endpoint: Endpoint) -> None:
    key = endpoint.create_key("website", expires_in=3600)
    assert key.secret is not None and key.secret.startswith("ldk_")
    made = endpoint.keys()
    assert [one.title for one in made] == ["website"]
    endpoint.revoke_key(key.id)
    assert endpoint.keys() == []
    with pytest.raises(errors.NotFound):
        endpoint.revoke_key(key.id)


def test_the_server_that_answers_is_named(client: Client, job: Job, endpoint: Endpoint) -> None:
    first = newest(endpoint.record).id
    assert endpoint.revisions[0].server == f"Server of {first}: the lock names it."
    deploy(client, DeployRequest(model=job.id), "ada", endpoint.name, wait=False)
    newer = endpoint.refresh().record
    assert newest(newer).server == "" and newest(newer).id != first
    assert server_of(newer) == f"Server of {first}: the lock names it."


def test_undo_goes_back(client: Client, hand: Hand, job: Job, endpoint: Endpoint) -> None:
    first = newest(endpoint.record).id
    second = deploy(client, DeployRequest(model=job.id), "ada", endpoint.name, wait=False)
    hand.serve(newest(second.record).id)
    endpoint.undo()
    wanted = [revision.id for revision in endpoint.revisions]
    assert wanted[0] == first and len(wanted) == 2


def test_endpoints_are_found_by_name_and_project(client: Client, endpoint: Endpoint) -> None:
    assert find_endpoint(client, endpoint.name).record.id == endpoint.record.id
    assert find_endpoint(client, f"ada/{endpoint.name}").record.id == endpoint.record.id
    with pytest.raises(errors.NotFound):
        find_endpoint(client, "ada/nothing")
    assert endpoint.name in repr(endpoint)


def test_models_name_their_job(client: Client, job: Job) -> None:
    (model,) = job.refresh().models()
    assert isinstance(model, servingschema.ModelVersion)
    assert model.job == job.id and model.id in [one.id for one in client.models()]
