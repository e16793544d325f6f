"""The shipped deployment on the Docker engine, on images that the same run builds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.containers import pool_of
from tests.support.deployment import Deployment, running_deployment
from tests.support.docker import docker_client, swept_prefix
from tests.support.images import pushed_environment
from tests.support.registry import LOGIN, RunningRegistry, running_registry
from tests.support.stores import upgraded

from labdock_service.statefolder import StateFolder


@dataclass(kw_only=True)
class ImageDeployment(Deployment):
    """Its people, jobs and models are in containers."""

    registry: RunningRegistry

    @property
    def prefix(self) -> str:
        """Begins the name of every container."""
        return self.settings["LABDOCK_DOCKER__PREFIX"]


@contextmanager
def running_on_images(
    prepared: StateFolder, folder: Path, **more: str
) -> Iterator[ImageDeployment]:
    """A started deployment with a registry of the team's own; nothing of it is left in Docker."""
    with (
        swept_prefix(docker_client()) as prefix,
        running_registry(folder / "registry") as registry,
    ):
        database = {"LABDOCK_DATABASE_URL": f"sqlite:///{folder}/labdock.sqlite"}
        upgraded(database["LABDOCK_DATABASE_URL"]).close()
        own = _own_records(prepared, folder / "prepared")
        pushed_environment(own, registry, **database)  # it is verified there, and not again
        settings = {
            **database,
            "LABDOCK_ENGINE": "docker",
            "LABDOCK_DOCKER__PREFIX": prefix,
            "LABDOCK_DOCKER__SUBNET": pool_of(prefix),
            "LABDOCK_DOCKER__REGISTRY": registry.address,
            "LABDOCK_DOCKER__REGISTRY_USER": LOGIN.name,
            "LABDOCK_DOCKER__REGISTRY_PASSWORD": LOGIN.password,
            **more,
        }
        with running_deployment(own, folder, **settings) as running:
            yield ImageDeployment(running.state, running.port, running.settings, registry=registry)


def _own_records(prepared: StateFolder, folder: Path) -> StateFolder:
    """Room for records of images: those of tests at the same time are in other registries."""
    folder.mkdir(mode=0o700)
    for name in ("cache", "proxy"):
        (prepared.root / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(prepared.root / name)
    return StateFolder(folder)
