"""The containers of a deployment's people: which there are, and their end."""

from __future__ import annotations

import contextlib
from functools import cache

import docker
from docker.errors import APIError, DockerException
from docker.models.containers import Container

from labdock_service.engines.dockerd import BOARD, PERSON, end_container
from labdock_service.engines.networks import DEPLOYMENT, Networks
from labdock_service.errors import EngineAway, Unavailable
from labdock_service.packaging.environments import find_environments
from labdock_service.partports import DOOR, read_ports
from labdock_service.settings import Settings

REGISTRY = "registry"
"""What the container of Labdock's own registry is called, after the prefix."""

GRACE = 10
"""Seconds that a server has to end."""

IN_THE_WAY = (APIError, EngineAway)
"""What keeps one container from ending, and no other."""


@cache
def docker_client(timeout: int = 60) -> docker.DockerClient:
    """Docker's client, one in a process, with so many seconds for an answer. Raises Unavailable."""
    try:
        return docker.DockerClient.from_env(timeout=timeout)
    except DockerException:
        raise Unavailable(
            "Docker does not answer: start it, and let this account use it (`docker info`)."
        ) from None


@cache
def machine_size() -> tuple[float, int]:
    """How many CPUs and bytes of memory Docker's machine has."""
    said = docker_client().info()
    return float(said["NCPU"]), int(said["MemTotal"])


def networks_of(settings: Settings) -> Networks:
    """The networks of a deployment's containers."""
    chosen = settings.docker
    reachable = tuple(chosen.reachable)
    port, lock = read_ports(settings.state).get(DOOR, 0), settings.state.networks_lock
    return Networks(docker_client(), chosen.prefix, chosen.subnet, port, lock, reachable)


def servers_of(settings: Settings) -> list[Container]:
    """People's servers, running or not."""
    return _with_label(settings, PERSON)


def _with_label(settings: Settings, label: str) -> list[Container]:
    wanted = {"label": [f"{DEPLOYMENT}={settings.docker.prefix}", label]}
    found: list[Container] = docker_client().containers.list(
        all=True, filters=wanted, ignore_removed=True
    )
    return found


def end_servers(settings: Settings) -> None:
    """Stop and remove people's servers, TensorBoards, the registry, networks and the walls."""
    for server in servers_of(settings):
        with contextlib.suppress(*IN_THE_WAY):  # it ended meanwhile
            server.stop(timeout=GRACE)
            end_container(server)
    for board in _with_label(settings, BOARD):
        with contextlib.suppress(*IN_THE_WAY):
            end_container(board)
    with contextlib.suppress(*IN_THE_WAY):  # it is the team's, or was never started
        registry = f"{settings.docker.prefix}-{REGISTRY}"
        end_container(docker_client().containers.get(registry))
    images = [item.notebook for item in find_environments(settings.state, "image")]
    networks_of(settings).remove_all(images[0] if images else "")
