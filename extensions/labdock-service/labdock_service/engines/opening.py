"""From the name of an engine to the engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.engines.base import Engine
from labdock_service.engines.process import ProcessEngine
from labdock_service.partports import DOOR, read_ports
from labdock_service.registry import Login, RegistryPlace
from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    from labdock_service.engines.dockerd import Dockerd
    from labdock_service.settings import Settings

OWN_ACCOUNT = "labdock"
"""The account at the registry that Labdock runs."""


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """Which engine, and what the settings say of it."""

    name: str = "process"
    prefix: str = "labdock"
    """Begins the names of containers and networks."""
    pool: str = ""
    """The addresses that networks are cut out of."""
    port: int = 0
    """The door's."""
    reachable: tuple[str, ...] = ()
    """Private networks that containers may reach."""
    registry: RegistryPlace | None = None
    """Where the images of containers are."""

    @classmethod
    def of(cls, settings: Settings) -> EngineChoice:
        """What the settings choose."""
        if settings.engine == "process":
            return cls()
        return cls(
            name=settings.engine,
            prefix=settings.docker.prefix,
            pool=settings.docker.subnet,
            port=read_ports(settings.state).get(DOOR, 0),
            reachable=tuple(settings.docker.reachable),
            registry=registry_place(settings),
        )


def open_engine(choice: EngineChoice, state: StateFolder, wake: Path | None = None) -> Engine:
    """The engine; `wake` is the pipe that it tells changes of state through."""
    if choice.name == "process":
        return ProcessEngine(state, wake)
    from labdock_service.engines.docker import DockerEngine  # 20 MB that few processes need

    return DockerEngine(state, open_dockerd(choice, state), wake)


def open_dockerd(choice: EngineChoice, state: StateFolder) -> Dockerd:
    """This machine's Docker, for the deployment that the settings are of."""
    from labdock_service.engines.dockerd import Dockerd

    return Dockerd(
        choice.prefix,
        choice.pool,
        state.networks_lock,
        choice.registry,
        choice.port,
        choice.reachable,
    )


def registry_place(settings: Settings) -> RegistryPlace:
    """The team's registry, or the one that Labdock runs."""
    docker = settings.docker
    if docker.registry:
        password = docker.registry_password.get_secret_value()
        login = Login(docker.registry_user, password) if docker.registry_user else None
        return RegistryPlace(docker.registry, login)
    file = settings.state.registry_password
    login = Login(OWN_ACCOUNT, file.read_text().strip()) if file.exists() else None
    return RegistryPlace(f"127.0.0.1:{docker.registry_port}", login)
