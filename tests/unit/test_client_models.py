"""Model versions as a person sees them: their check, and their sample to ask an endpoint with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.clients import Hand, RunningService, running_service, submit

from labdock import client as clients
from labdock import errors
from labdock.cli import main
from labdock.client import Client
from labdock.running import Job
from labdock.serving import find_endpoint, newest
from labdock.servingschema import ModelCheck, Sample

EQUAL = ModelCheck(state="equal", difference=0.0, allowed=0.0001)
MARKED = ModelCheck(state="different", reason="Its answers differ by up to 3.6.")
SAMPLE = Sample(inputs={"pixels": [[1.0, 2.0]]}, outputs={"digit": [[3.0]]})

Run = Callable[..., tuple[int, str, str]]


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
    return job


@pytest.fixture
def run(
    service: RunningService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    monkeypatch.setenv("LABDOCK_URL", service.url)
    monkeypatch.setenv("LABDOCK_TOKEN", "token-ada")
    clients._client.cache_clear()

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(arguments), *capsys.readouterr()

    yield run
    clients.default_client().transport.close()
    clients._client.cache_clear()


def test_a_model_is_shown_with_its_check_and_sample(run: Run, hand: Hand, job: Job) -> None:
    model = hand.save_model(job.id, EQUAL, SAMPLE)
    _, listed, _ = run("models")
    assert "CHECK" in listed and "equal" in listed
    _, shown, _ = run("models", model[:7])
    for part in (
        "answers as the model in the job's memory did.",
        "rows that the model was given",
        "pixels float32[any, 2]",
        job.id,
    ):
        assert part in shown
    _, text, _ = run("models", model, "--json")
    assert json.loads(text)["sample"]["inputs"] == SAMPLE.inputs


def test_the_models_of_a_job_have_samples(client: Client, hand: Hand, job: Job) -> None:
    hand.save_model(job.id, EQUAL, SAMPLE)
    hand.end(job.id)
    job.refresh()
    assert [(model.check, model.sample) for model in job.models()] == [(EQUAL, SAMPLE)]
    assert {model.sample for model in client.models()} == {None}


def test_an_endpoint_is_asked_with_its_models_sample(run: Run, hand: Hand, job: Job) -> None:
    hand.save_model(job.id, EQUAL, SAMPLE)
    endpoint = job.deploy("sampled", wait=False)
    hand.serve(newest(endpoint.record).id)
    assert endpoint.sample() == SAMPLE.inputs
    assert endpoint.predict(endpoint.sample()) == SAMPLE.inputs  # this model answers what it hears
    code, out, _ = run("predict", "sampled", "--sample")
    assert (code, json.loads(out)) == (0, {"outputs": SAMPLE.inputs})
    for arguments in (("predict", "sampled"), ("predict", "sampled", "[1]", "--sample")):
        code, _, said = run(*arguments)
        assert code == 2 and "labdock predict sampled --sample" in said


def test_a_model_without_a_sample_says_so(client: Client, hand: Hand, job: Job) -> None:
    hand.save_model(job.id)
    endpoint = job.deploy("plain", wait=False)
    hand.serve(newest(endpoint.record).id)
    with pytest.raises(errors.NotFound, match="No sample was kept of model version"):
        find_endpoint(client, "plain").sample()


def test_a_marked_model_is_deployed_on_request_only(run: Run, hand: Hand, job: Job) -> None:
    model = hand.save_model(job.id, MARKED)
    code, _, said = run("deploy", model, "--endpoint", "marked", "--no-wait")
    assert code == 2
    assert "is not what was trained. Its answers differ by up to 3.6." in said
    assert run("deploy", model, "--endpoint", "marked", "--anyway", "--no-wait")[0] == 0
    with pytest.raises(errors.Conflict, match="anyway=True"):
        job.deploy("marked", wait=False)
    assert job.deploy("marked", anyway=True, wait=False).name == "marked"
