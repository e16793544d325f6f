"""What a person's code can reach from inside its container: nothing that is not theirs."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import docker
import pytest
from tests.support.containers import running_on_docker, server_of
from tests.support.deployment import CHECKOUT, Deployment
from tests.support.docker import docker_client
from tests.support.person import Notebook, Person
from tests.support.ways_out import LINKS, PRELUDE, WAYS, Way, table

from labdock_service.partports import read_ports
from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(900)

PAGE = CHECKOUT / "docs/explanation/isolation.md"


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
        LABDOCK_ADMINS="cy",
        LABDOCK_DOCKER__SERVER_PIDS="300",
        LABDOCK_DOCKER__SERVER_MEMORY="1GB",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ann(deployment: Deployment) -> Person:
    return with_server(deployment, "ann")


@pytest.fixture(scope="module")
def bo(deployment: Deployment) -> Person:
    return with_server(deployment, "bo")


def with_server(deployment: Deployment, name: str) -> Person:
    person = Person(deployment, name)
    person.log_in(deployment.state.team_password.read_text().strip())
    person.start_server()
    return person


@pytest.fixture(scope="module")
def listening() -> Iterator[int]:
    """A port that this machine opens to everybody."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture(scope="module")
def inside(
    ann: Person, bo: Person, deployment: Deployment, client: docker.DockerClient, listening: int
) -> Iterator[Notebook]:
    """A kernel that knows where everything would be."""
    other = server_of(client, deployment, bo.name)
    networks = other.attrs["NetworkSettings"]["Networks"].values()
    ports = read_ports(deployment.state)
    known = {
        "DOOR": next(iter(networks))["Gateway"],
        "HOST": address_of_this_machine(),
        "BRIDGE": "172.17.0.1",
        "LISTENING": listening,
        "REGISTRY_PORT": listening,
        "HUB_PORT": ports["hub"],
        "PROXY_PORT": ports["proxy"],
        "API_PORT": ports["labdock"],
        "OTHER_ADDRESS": next(iter(networks))["IPAddress"],
        "OTHER_NAME": other.name,
        "OTHER_ID": other.labels["labdock.person"],
        "STATE": str(deployment.state.root),
        "HUB_PROCESS": deployment.pid("hub"),
        "TARGET": "/home/labdock/elsewhere",
    }
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ann.ask_server("PUT", "contents/out.ipynb", {"type": "notebook", "content": empty})
    with ann.notebook("out.ipynb") as notebook:
        said = notebook.run(PRELUDE + "\n".join(f"{name} = {known[name]!r}" for name in known))
        assert not said.error
        yield notebook


def address_of_this_machine() -> str:
    """Its address on the network that it is on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.title))
def test_it_is_no_way_out(inside: Notebook, way: Way) -> None:
    said = inside.run(way.code)
    assert said.error, f"{way.title}: nothing stopped it. {said.text}"
    assert re.search(way.error, said.error), said.error


def test_the_door_is_open(inside: Notebook) -> None:
    """Else the refusals above would say nothing."""
    said = inside.run("import labdock; print(labdock.jobs(), ask('GET', '/hub/api/'))")
    assert "version" in said.text, said.error


def test_links_in_a_home_lead_the_host_nowhere(
    bo: Person, deployment: Deployment, client: docker.DockerClient
) -> None:
    elsewhere = deployment.state.root / "elsewhere"
    elsewhere.mkdir()
    server = server_of(client, deployment, "bo")
    code = f"{PRELUDE}\nTARGET = {str(elsewhere)!r}\n{LINKS.code}"
    status, said = server.exec_run(["python3", "-c", code])
    assert status == 0, said
    bo.stop_server()
    home = deployment.state.homes / server.labels["labdock.person"]
    (home / "data").rmdir()
    (home / "data").symlink_to(elsewhere)
    bo.start_server()
    assert [*elsewhere.iterdir()] == []
    assert (home / "welcome").readlink() == elsewhere
    assert not (home / "data").is_symlink() and [*home.glob("data.aside-*")]


def test_the_page_says_what_stops_each() -> None:
    assert table() in PAGE.read_text(), "python -m tests.support.ways_out prints its table"
