"""Images of model servers without Python on their path, and a lock that names them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.docker import docker_client
from tests.support.dockerdeployment import DockerDeployment
from tests.support.dockerengine import base_image, pushed
from tests.support.reconciling import ENVIRONMENT
from tests.support.registry import LOGIN

from labdock_service.engines.pulling import PullRecord, pull_all
from labdock_service.images.locked import read_lock
from labdock_service.images.resolving import renew_lock
from labdock_service.images.servers import servers
from labdock_service.registry import Registry, RegistryPlace
from labdock_service.serving.servers import ServerImage, write_servers
from labdock_service.verifying import Verifier

RECIPE = Path(__file__).parent / "serverimage"
LOCKED = """
[images.tf-serving]
title = "TensorFlow Serving {claimed}"
kind = "server"
image = "{registry}/tensorflow/serving:test"
digest = ""
checked = ""
tensorflow = "{claimed}"
"""


def server_image(tensorflow: str) -> str:
    """An image whose `tensorflow_model_server` says that it is of this TensorFlow."""
    tag = f"labdock-test/server:{tensorflow}"
    docker_client().images.build(
        path=str(RECIPE),
        buildargs={"BASE": base_image(), "TENSORFLOW": tensorflow},
        tag=tag,
        rm=True,
    )
    return tag


def lock_server(place: DockerDeployment, tensorflow: str, claimed: str = "") -> ServerImage:
    """Have a server in the registry, its digest asked for, and noted as the image keeper does."""
    made = server_image(tensorflow)
    pushed(made, place.registry, "tensorflow/serving")
    docker_client().images.remove(made, noprune=True)
    file = place.folder / "lock.toml"
    address = place.registry.address
    file.write_text(LOCKED.format(claimed=claimed or tensorflow, registry=address))
    changed = renew_lock((), lambda at: Registry(at, LOGIN), lambda _: None, file)
    assert "+digest = " in changed
    found = list(servers(read_lock(file), ""))
    write_servers(place.state.environments, found)
    return found[0]


def fetch(place: DockerDeployment) -> None:
    """Fetch and verify what the lock names, as the image keeper does."""
    noted = list(servers(read_lock(place.folder / "lock.toml"), ""))
    images = [server.image for server in noted]
    place.state.run.mkdir(exist_ok=True)
    own = RegistryPlace(place.registry.address, LOGIN)
    pull_all(docker_client(), images, PullRecord(place.state.pulls), own)
    name = f"{place.settings['LABDOCK_DOCKER__PREFIX']}-verify"
    verifier = Verifier(docker_client(), place.store, name)
    assert verifier.verify_one_missing_server(noted)
    assert verifier.verify_one_missing_server(noted) is None


def forget_servers(place: DockerDeployment) -> None:
    """Delete Docker's copies of what was in the registry."""
    client, name = docker_client(), f"{place.registry.address}/tensorflow/serving"
    for image in client.images.list(name):
        client.images.remove(image.id, force=True)


def train_with(place: DockerDeployment, tensorflow: str) -> None:
    """Have the one environment there is say that it has this TensorFlow."""
    file = place.state.environments / ENVIRONMENT.removeprefix("sha256:") / "environment.json"
    said = json.loads(file.read_bytes()) | {"packages": {"tensorflow": tensorflow}}
    file.write_text(json.dumps(said))
