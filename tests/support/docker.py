"""A Docker daemon for tests, and the end of all that they make with it."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import APIError, DockerException
from tests.support.services import require

from labdock_service.engines.networks import Networks


def docker_client() -> docker.DockerClient:
    """The machine's Docker; a test without one is skipped, or fails in CI."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException:
        require(False, "Docker (`apt-get install docker.io`)")
        raise
    return client


@contextlib.contextmanager
def swept_prefix(client: docker.DockerClient) -> Iterator[str]:
    """A prefix of names; whatever has it is removed afterwards, and the walls of its networks."""
    prefix = f"lt{secrets.token_hex(4)}"
    try:
        yield prefix
    finally:
        sweep(client, prefix)
        with tempfile.NamedTemporaryFile() as lock:
            Networks(client, prefix, "10.213.0.0/16", 1, Path(lock.name)).remove_all()


def sweep(client: docker.DockerClient, prefix: str) -> None:
    """Remove the containers, networks and volumes whose names begin with the prefix."""
    for container in client.containers.list(all=True, ignore_removed=True):
        if container.name and container.name.startswith(prefix):
            with contextlib.suppress(APIError):
                container.remove(force=True, v=True)
    for network in client.networks.list():
        if network.name and network.name.startswith(prefix):
            with contextlib.suppress(APIError):
                network.remove()
    for volume in client.volumes.list():
        if volume.name.startswith(prefix):
            with contextlib.suppress(APIError):
                volume.remove(force=True)
