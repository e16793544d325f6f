"""A deployment of the reconciler on the Docker engine, with a registry of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from docker.models.containers import Container
from tests.support.containers import pool_of
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import plain_image, pushed
from tests.support.reconciling import Deployment
from tests.support.registry import LOGIN, RunningRegistry, running_registry

from labdock_service.engines.base import Engine
from labdock_service.engines.opening import EngineChoice, open_engine
from labdock_service.registry import RegistryPlace

TRAINING = "labdock/training"


class DockerDeployment(Deployment):
    """Jobs of this deployment run in containers."""

    def __init__(self, folder: Path, registry: RunningRegistry, prefix: str) -> None:
        self.registry = registry
        self._choice = EngineChoice(
            name="docker",
            prefix=prefix,
            pool=pool_of(prefix),
            registry=RegistryPlace(registry.address, LOGIN),
        )
        settings = {
            "LABDOCK_ENGINE": "docker",
            "LABDOCK_DOCKER__PREFIX": prefix,
            "LABDOCK_DOCKER__SUBNET": pool_of(prefix),
            "LABDOCK_DOCKER__REGISTRY": registry.address,
            "LABDOCK_DOCKER__REGISTRY_USER": LOGIN.name,
            "LABDOCK_DOCKER__REGISTRY_PASSWORD": LOGIN.password,
        }
        super().__init__(folder, settings=settings, image=plain_image())

    def strike(self, worker: str) -> None:
        """kill -9 to a worker's own process."""
        kill = f"import os; os.kill({self.worker_pid(worker)}, 9)"
        self._container(worker).exec_run(["python3", "-c", kill])

    def strike_supervisor(self, worker: str) -> None:
        """kill -9 to the container."""
        self._container(worker).kill("KILL")

    def is_gone(self, worker: str) -> bool:
        """Whether its container is there no more."""
        return not self._containers(worker)

    def _container(self, worker: str) -> Container:
        return self._containers(worker)[0]

    def _containers(self, worker: str) -> list[Container]:
        named = {"name": f"^{self._choice.prefix}-{worker}$"}
        return list(docker_client().containers.list(filters=named))

    def _make_engine(self) -> Engine:
        return open_engine(self._choice, self.state)

    def _describe_environment(self, folder: Path) -> dict[str, object]:
        folder.mkdir(parents=True)
        kept, digest = plain_registry()
        self.registry.fill(kept)
        training = f"{self.registry.address}/{TRAINING}@{digest}"
        return {"kind": "image", "python": "3.11.2", "training": training}


@cache
def plain_registry() -> tuple[Path, str]:
    """A registry's folder with the plain image, and its digest: Docker takes seconds to pack it."""
    folder = Path(tempfile.mkdtemp(prefix="labdock-plain-registry-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with running_registry(folder) as registry:
        return folder, pushed(plain_image(), registry, TRAINING).partition("@")[2]


@contextmanager
def deployed_on_docker(folder: Path) -> Iterator[DockerDeployment]:
    """A deployment that leaves nothing running, and whose reconciler saw no error of its own."""
    with (
        swept_prefix(docker_client()) as prefix,
        running_registry(folder / "registry") as registry,
    ):
        deployment = DockerDeployment(folder, registry, prefix)
        try:
            yield deployment
            assert "Traceback" not in deployment.log()
        finally:
            deployment.close()
