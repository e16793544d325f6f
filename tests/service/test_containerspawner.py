"""People's servers in containers: the shipped deployment on real Docker."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from docker.models.containers import Container
from tests.support.containers import running_on_docker
from tests.support.deployment import Deployment
from tests.support.docker import docker_client
from tests.support.person import Person

from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return docker_client()


@pytest.fixture(scope="module")
def deployment(
    prepared: StateFolder, labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    del labdock_proxy
    with running_on_docker(
        prepared,
        tmp_path_factory.mktemp("docker"),
        LABDOCK_PROCESS__TRUSTED_TEAM="true",
        LABDOCK_ADMINS="ann",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ann(deployment: Deployment) -> Person:
    person = Person(deployment, "ann")
    person.log_in(deployment.password)
    person.start_server()
    return person


def server_of(client: docker.DockerClient, deployment: Deployment, name: str) -> Container:
    """The container of a person's server."""
    prefix = deployment.settings["LABDOCK_DOCKER__PREFIX"]
    for found in client.containers.list(filters={"label": f"labdock.deployment={prefix}"}):
        if f"JUPYTERHUB_USER={name}" in found.attrs["Config"]["Env"]:
            return found
    raise AssertionError(f"{name} has no server")


def test_a_cell_runs_in_the_container(
    ann: Person, client: docker.DockerClient, deployment: Deployment
) -> None:
    server = server_of(client, deployment, "ann")
    status, said = server.exec_run(["sh", "-c", "id -u; pwd; ls; touch projects/x data/x"])
    print(status, said.decode())
    assert said.decode().split()[:2] == ["1000", "/home/labdock"]
    assert b"Read-only" in said
