"""Revisions under the real reconciler: takeovers, failures, undo, and killed model servers."""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.reconciling import Deployment, deployed, eventually, gone
from tests.support.stores import every_project

from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.packaging.sourcecode import read_package
from labdock_service.serving.tables import Target
from labdock_service.store import events

STANDIN = Path(__file__).parents[1] / "support" / "standin"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    """A reconciler whose model servers need no TensorFlow."""
    path = os.pathsep.join([str(STANDIN), os.environ.get("PYTHONPATH", "")])
    with deployed(tmp_path, PYTHONPATH=path) as deployment:
        deployment.start()
        yield deployment


def predict(target: Target) -> Any:
    request = urllib.request.Request(
        f"{target.url}/v1/models/{target.model}:predict",
        data=json.dumps({"inputs": {"x": [[1, 2]]}}).encode(),
    )
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.load(answer)["outputs"]


def serving(place: Deployment, revision: str) -> Target:
    """The router's target, once it is this revision."""

    def look() -> Target | None:
        return next((one for one in place.targets() if one.revision == revision), None)

    return eventually(look)


def test_a_deployed_model_answers(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    target = serving(place, revision)
    assert predict(target) == ["serve one", {"x": [[1, 2]]}]
    assert target.weight == 100
    assert place.revision(revision).state == "serving"


def test_the_model_server_is_a_layer_that_an_event_names(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    server = read_package(STANDIN / "labdock_model_server", "labdock_model_server")
    spec = WorkerFolder(place.state.workers / f"revision-{revision}-1-0").read_spec()
    assert spec is not None
    (folder,) = map(Path, spec["python_path"])
    assert folder.parent == place.state.layers
    laid_out = {file.name for file in (folder / "labdock_model_server").iterdir()}
    assert laid_out - {"__pycache__"} == set(server.files)
    with place.store.read() as session:
        told = events.after(session, every_project(session), 0)
    (event,) = [event for event in told if event.kind == "endpoint.serving"]
    assert event.data["server"] == server.version


def test_the_next_version_takes_over_without_a_failed_request(place: Deployment) -> None:
    first = place.deploy(place.model("serve one"))
    serving(place, first)
    answers, done = [], threading.Event()

    def ask_on() -> None:
        while not done.is_set():
            answers.append(predict(place.targets()[0])[0])

    asking = threading.Thread(target=ask_on)
    asking.start()
    second = place.deploy(place.model("serve two"))
    place.until_revision(first, "retired")
    done.set()
    asking.join()
    changes = answers.index("serve two")
    assert set(answers[:changes]) == {"serve one"}
    assert set(answers[changes:]) == {"serve two"}
    assert [target.revision for target in place.targets()] == [second]
    running = [worker for worker in place.engine.look() if worker.state != "ended"]
    assert [worker.labels["revision"] for worker in running] == [second]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("end", "The model cannot be loaded"), ("refuse", "these shapes do not fit")],
)
def test_a_revision_that_fails_leaves_the_one_before(
    place: Deployment, text: str, reason: str
) -> None:
    first = place.deploy(place.model("serve one"))
    before = serving(place, first)
    failed = place.until_revision(place.deploy(place.model(text, sample=SAMPLE)), "failed")
    assert reason in failed.message
    assert "The revision before it goes on serving." in failed.message
    assert place.targets() == [before]
    assert predict(before)[0] == "serve one"


SAMPLE = {"inputs": {"x": [[1, 2]]}, "outputs": {"y": [0.25], "z": [1.0]}}
"""What the stand-in for the model server answers is two values: not these."""


def test_a_model_has_to_answer_its_sample_as_it_did_in_its_job(place: Deployment) -> None:
    answer = {"inputs": {"x": [[3, 4]]}, "outputs": {"y": ["serve one", 1]}}
    serving(place, place.deploy(place.model("serve one", sample=answer)))
    other = place.model("serve two", sample=SAMPLE)
    failed = place.until_revision(place.deploy(other), "failed")
    assert failed.message == (
        "It does not answer its sample as it did in its job: it has other outputs. "
        "The revision before it goes on serving."
    )
    serving(place, place.deploy(other, anyway=True))


def test_undo_brings_the_revision_before_back(place: Deployment) -> None:
    first = place.deploy(place.model("serve one"))
    serving(place, first)
    second = place.deploy(place.model("serve two"))
    place.until_revision(first, "retired")
    place.undo()
    assert predict(serving(place, first))[0] == "serve one"
    place.until_revision(second, "retired")


def test_a_dead_model_server_is_started_again(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    os.kill(place.worker_pid(f"revision-{revision}-1-0"), signal.SIGKILL)
    eventually(lambda: (place.state.workers / f"revision-{revision}-2-0").exists())
    assert predict(serving(place, revision))[0] == "serve one"


def test_a_deleted_endpoint_leaves_no_process(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    server = place.worker_pid(f"revision-{revision}-1-0")
    place.delete_endpoint()
    place.until_revision(revision, "retired")
    eventually(lambda: gone(server))
    assert place.targets() == []


def test_a_stopped_revision_leaves_the_table_and_its_endpoint_can_be_deployed_to_again(
    place: Deployment,
) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    server = place.worker_pid(f"revision-{revision}-1-0")
    place.stop_revision(revision)
    place.until_revision(revision, "retired")
    eventually(lambda: gone(server))
    assert place.targets() == []
    again = place.deploy(place.model("serve two"))
    assert predict(serving(place, again))[0] == "serve two"


def test_a_killed_reconciler_keeps_what_serves(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    target = serving(place, revision)
    place.kill()
    assert predict(target)[0] == "serve one"
    place.start()
    second = place.deploy(place.model("serve two"))
    serving(place, second)
    assert place.revision(revision).state in ("serving", "draining", "retired")


def test_down_ends_model_servers_and_up_brings_them_back(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    assert place.start("--suspend").wait(120) == 0
    assert place.targets() == []
    assert all(worker.state == "ended" for worker in place.engine.look())
    place.start()
    assert predict(serving(place, revision))[0] == "serve one"
    assert place.revision(revision).message == "Serves."


def test_a_restart_brings_models_back_before_jobs(place: Deployment) -> None:
    revision = place.deploy(place.model("serve one"))
    serving(place, revision)
    job = place.submit("import time\nwhile True:\n    time.sleep(1)\n")
    place.until(job, "running")
    assert place.start("--suspend").wait(120) == 0
    with place.store.read() as session:
        before = events.after(session, every_project(session), 0)[-1].id
    place.start()
    place.until(job, "running")
    with place.store.read() as session:
        told = [event.kind for event in events.after(session, every_project(session), before)]
    assert told.index("endpoint.serving") < told.index("job.starting")
