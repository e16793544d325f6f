"""The shipped deployment on the Docker engine, whose people's servers are containers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.models.containers import Container
from tests.support.deployment import Deployment, new_deployment
from tests.support.docker import docker_client, swept_prefix
from tests.support.notebook_image import notebook_image

from labdock_service.packaging.environments import board_record
from labdock_service.statefolder import StateFolder


def add_environment(state: StateFolder, name: str, **more: object) -> None:
    """An environment of kind `image`."""
    digest = name.encode().hex().ljust(64, "0")[:64]
    folder = state.environments / digest
    folder.mkdir(parents=True)
    said = {
        "kind": "image",
        "name": name,
        "title": name.replace("-", " ").title(),
        "digest": f"sha256:{digest}",
        "python": "3.11.2",
        "platform": "x86_64-manylinux_2_28",
        "packages": {"jupyterlab": "4.6.6", "numpy": "2.3.1"},
        "gpu": False,
        "default": False,
    }
    (folder / "environment.json").write_text(json.dumps(said | more))


def pool_of(prefix: str) -> str:
    """A pool that no other test takes at the same time."""
    return f"10.{200 + int(prefix[-1], 16)}.{16 * int(prefix[-2], 16)}.0/20"


@contextlib.contextmanager
def stopped_on_docker(prepared: StateFolder, folder: Path, **settings: str) -> Iterator[Deployment]:
    """A deployment that is not started; its containers and networks are removed afterwards."""
    client = docker_client()
    image = notebook_image(client)
    with swept_prefix(client) as prefix:
        own = {
            "LABDOCK_ENGINE": "docker",
            "LABDOCK_DOCKER__PREFIX": prefix,
            "LABDOCK_DOCKER__SUBNET": pool_of(prefix),
            "LABDOCK_DOCKER__REGISTRY": "127.0.0.1:1",  # nothing is pushed or pulled here
        }
        deployment = new_deployment(prepared, folder, **own, **settings)
        (deployment.state.root / "environments").unlink(missing_ok=True)
        add_environment(deployment.state, "small", notebook=image, training=image, default=True)
        board_record(deployment.state).write_text(json.dumps({"image": image}))
        try:
            yield deployment
        finally:
            deployment.sweep()


@contextlib.contextmanager
def running_on_docker(prepared: StateFolder, folder: Path, **settings: str) -> Iterator[Deployment]:
    """The same, started."""
    with stopped_on_docker(prepared, folder, **settings) as deployment:
        deployment.up()
        yield deployment


def server_of(client: docker.DockerClient, deployment: Deployment, name: str) -> Container:
    """The container of a person's server."""
    prefix = deployment.settings["LABDOCK_DOCKER__PREFIX"]
    for found in client.containers.list(filters={"label": f"labdock.deployment={prefix}"}):
        if f"JUPYTERHUB_USER={name}" in found.attrs["Config"]["Env"]:
            return found
    raise AssertionError(f"{name} has no server")
