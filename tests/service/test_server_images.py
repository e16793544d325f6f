"""Models served from an image of the lock, without Python, under the real reconciler and router."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.service.test_router import KEY, SECRET, key
from tests.service.test_router import Deployment as Routing
from tests.support.docker import docker_client
from tests.support.dockerdeployment import DockerDeployment, deployed_on_docker
from tests.support.images import labdock_images
from tests.support.owndocker import own_docker
from tests.support.reconciling import eventually
from tests.support.serverimages import fetch, forget_servers, lock_server, train_with
from tests.support.workers import texts

from labdock_service.serving.servers import OWN
from labdock_service.serving.tables import write_keys
from labdock_service.store.tables import RevisionRow

STANDIN = Path(__file__).parents[1] / "support" / "standin"
"""In place of Labdock's own model server, which needs TensorFlow."""

TRIVY = Path(__file__).parents[1] / "images/reports/trivy.json"

IMAGE = "the image"
"""What the stand-in for TensorFlow Serving begins its answers with."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[DockerDeployment]:
    """A reconciler whose models are of TensorFlow 2.19."""
    with deployed_on_docker(tmp_path) as deployment:
        deployment.settings["PYTHONPATH"] = os.pathsep.join(
            [str(STANDIN), os.environ.get("PYTHONPATH", "")]
        )
        train_with(deployment, "2.19.1")
        yield deployment
    forget_servers(deployment)


@contextlib.contextmanager
def routed(place: DockerDeployment) -> Iterator[Routing]:
    """The router before it."""
    with contextlib.ExitStack() as processes:
        routing = Routing(place.state.root, processes)
        with place.store.read() as session:
            [endpoint] = {row.endpoint_id for row in session.query(RevisionRow)}
        write_keys(place.state.run, [key(endpoint, SECRET)])
        routing.start_router()
        yield routing


def ask(routing: Routing) -> tuple[Any, str]:
    """What the endpoint answers, and the revision that did."""
    body = json.dumps({"inputs": {"x": [[1, 2]]}}).encode()
    request = urllib.request.Request(f"{routing.url}ada/digits:predict", data=body, headers=KEY)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.load(answer)["outputs"][:2], answer.headers["Labdock-Revision"]


def until_serving(place: DockerDeployment, revision: str) -> None:
    eventually(lambda: [one.revision for one in place.targets()] == [revision])


def image_of(place: DockerDeployment, revision: str) -> str | None:
    with place.store.read() as session:
        return session.get_one(RevisionRow, revision).image


def test_a_model_is_served_from_the_image_that_the_lock_names(place: DockerDeployment) -> None:
    server = lock_server(place, "2.20.0")
    fetch(place)
    place.start()
    first = place.deploy(place.model("serve one"))
    until_serving(place, first)
    assert place.revision(first).server == (
        "TensorFlow Serving 2.20.0: its TensorFlow 2.20.0 is not older than the model's 2.19.1."
    )
    assert image_of(place, first) == server.image
    with routed(place) as routing:
        assert ask(routing) == ([IMAGE, "serve one"], first)
        worker = f"revision-{first}-1-0"
        eventually(lambda: any("Exporting" in line for line in texts(place.engine, worker)))
        place.strike_supervisor(worker)
        eventually(lambda: (place.state.workers / f"revision-{first}-2-0").exists())
        eventually(lambda: answers(routing, first))
        place.kill()
        assert ask(routing) == ([IMAGE, "serve one"], first)
        place.start()
        train_with(place, "2.21.0")
        second = place.deploy(place.model("serve two"))
        place.until_revision(first, "retired")
        assert ask(routing) == (["serve two", {"x": [[1, 2]]}], second)
        assert place.revision(second).server == (
            f"{OWN}: none in images/lock.toml has TensorFlow 2.21.0 or newer."
        )
        place.undo()
        until_serving(place, first)
        assert ask(routing) == ([IMAGE, "serve one"], first)
        place.until_revision(second, "retired")
        assert image_of(place, first) == server.image
    place.delete_endpoint()
    place.until_revision(first, "retired")
    eventually(lambda: place.is_gone(f"revision-{first}-3-0"))


def answers(routing: Routing, revision: str) -> bool:
    """Whether it does again."""
    with contextlib.suppress(OSError):
        return ask(routing)[1] == revision
    return False


def test_until_an_image_is_verified_here_it_serves_nothing(place: DockerDeployment) -> None:
    lock_server(place, "2.20.0")
    place.start()
    revision = place.deploy(place.model("serve one"))
    until_serving(place, revision)
    said = "TensorFlow Serving 2.20.0 was not verified on this machine yet"
    assert place.revision(revision).server == f"{OWN}: {said}."
    assert image_of(place, revision) == ""


def test_an_image_that_is_not_what_the_lock_says_serves_nothing(place: DockerDeployment) -> None:
    lock_server(place, "2.18.0", claimed="2.20.0")
    fetch(place)
    place.start()
    revision = place.deploy(place.model("serve one"))
    until_serving(place, revision)
    said = "TensorFlow Serving 2.20.0 failed its verification on this machine"
    assert place.revision(revision).server == f"{OWN}: {said}."
    again = labdock_images(place.state.root, "verify", "tf-serving")
    assert again.returncode == 2 and "ok      the program: TensorFlow ModelServer" in again.stdout
    assert "2.18.0, and images/lock.toml says 2.20.0" in again.stderr


def test_an_image_that_a_scan_keeps_out_serves_nothing_new(place: DockerDeployment) -> None:
    server = lock_server(place, "2.20.0")
    fetch(place)
    report = place.folder / "report.json"
    report.write_bytes(report_of(server.image))
    said = labdock_images(place.state.root, "scanned", "tf-serving", str(report))
    assert said.returncode == 2 and "CVE-2019-18224 (critical) in libidn2-0" in said.stderr
    place.start()
    revision = place.deploy(place.model("serve one"))
    until_serving(place, revision)
    why = place.revision(revision).server
    assert why.startswith(f"{OWN}: TensorFlow Serving 2.20.0 is kept out by a scan that was read")
    assert "CVE-2019-18224 (critical) in libidn2-0" in why
    assert image_of(place, revision) == ""


def report_of(image: str) -> bytes:
    """A real report of Trivy's, as if it were of this image."""
    report = json.loads(TRIVY.read_bytes())
    report["Metadata"] = {"RepoDigests": [image]}
    return json.dumps(report).encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("end", "Failed to start server. Error: UNKNOWN: it could not read m"),
        ("refuse", "it could not predict zeros: an op is not registered"),
    ],
)
def test_what_the_image_cannot_serve_labdocks_own_server_tries(
    place: DockerDeployment, text: str, why: str
) -> None:
    """Here it fails there too."""
    lock_server(place, "2.20.0")
    fetch(place)
    place.start()
    revision = place.until_revision(place.deploy(place.model(text)), "failed")
    assert revision.server == f"{OWN}: TensorFlow Serving 2.20.0 could not serve it ({why})."
    assert image_of(place, revision.id) == ""
    eventually(lambda: all(worker.state == "ended" for worker in place.engine.look()))


def test_an_image_that_is_gone_is_done_without(place: DockerDeployment) -> None:
    server = lock_server(place, "2.20.0")
    fetch(place)
    docker_client().images.remove(server.image, force=True, noprune=True)
    repository, _, digest = server.image.partition("/")[2].partition("@")
    place.registry.client().delete_manifest(repository, digest)
    place.start()
    revision = place.deploy(place.model("serve one"))
    until_serving(place, revision)
    assert "not in the registry any more" in place.revision(revision).server
    assert image_of(place, revision) == ""


def test_a_revision_that_waits_for_docker_says_so(
    monkeypatch: pytest.MonkeyPatch, place: DockerDeployment
) -> None:
    with own_docker() as own:
        with monkeypatch.context() as told:
            told.setenv("DOCKER_HOST", own.address)
            place.start()
        model = place.model("serve one")
        own.kill()
        revision = place.deploy(model)
        eventually(lambda: "Docker does not answer" in place.revision(revision).message)
        own.start()
        until_serving(place, revision)
        place.delete_endpoint()
        place.until_revision(revision, "retired")
