"""People's servers in containers: the shipped deployment on real Docker."""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest
from tests.support.containers import add_environment, running_on_docker, server_of
from tests.support.deployment import Deployment, eventually, free_port
from tests.support.docker import docker_client
from tests.support.dockerengine import plain_image
from tests.support.person import Person

from labdock_service.linux import host_name
from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(900)

EMPTY = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


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
        LABDOCK_PROJECTS__DIGITS__MEMBERS="ann,bo",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ann(deployment: Deployment) -> Person:
    return with_server(deployment, "ann")


def with_server(deployment: Deployment, name: str) -> Person:
    person = logged_in(deployment, name)
    person.start_server()
    return person


def logged_in(deployment: Deployment, name: str) -> Person:
    person = Person(deployment, name)
    person.log_in(deployment.state.team_password.read_text().strip())
    return person


def test_a_kernel_uses_labdock_from_inside(ann: Person) -> None:
    ann.ask_server("PUT", "contents/first.ipynb", {"type": "notebook", "content": EMPTY})
    with ann.notebook("first.ipynb") as notebook:
        said = notebook.run("import labdock, os; print(labdock.jobs(), os.getuid(), os.getcwd())")
        assert said.text == "[] 1000 /home/labdock\n", said.error


def test_the_container_is_confined_as_the_page_says(
    ann: Person, client: docker.DockerClient, deployment: Deployment
) -> None:
    server = server_of(client, deployment, ann.name)
    host = server.attrs["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and host["ReadonlyRootfs"] and host["Init"]
    assert host["SecurityOpt"] == ["no-new-privileges"] and not host["Privileged"]
    assert host["PidsLimit"] == 1024 and host["Memory"] == host["MemorySwap"] == 4_000_000_000
    assert server.attrs["Config"]["User"] == "1000:1000"
    assert list(server.attrs["NetworkSettings"]["Networks"]) == [server.name]


def test_the_data_roots_are_at_their_places(
    ann: Person, client: docker.DockerClient, deployment: Deployment
) -> None:
    (deployment.state.data_roots / "data/for-all.txt").write_text("for all")
    server = server_of(client, deployment, ann.name)
    script = "cat data/for-all.txt; echo hers > projects/digits/ann.txt; ls welcome/examples"
    status, said = server.exec_run(["sh", "-c", script])
    assert status == 0 and said.startswith(b"for all01-digits"), said
    shared = deployment.state.data_roots / "projects/digits/ann.txt"
    assert shared.read_text() == "hers\n"


def test_a_projects_own_server_shows_its_folder_to_members_alone(
    ann: Person, client: docker.DockerClient, deployment: Deployment
) -> None:
    folder = deployment.state.data_roots / "projects/digits"
    (folder / "ours.txt").write_text("ours")
    ann.start_server_of("digits")
    listed = ann.http.get("/user/project--digits/api/contents/").json()["content"]
    assert "ours.txt" in {item["name"] for item in listed}
    assert (
        ann.http.get("/user/project--digits/api/collaboration/timeline/ours.txt").status_code != 404
    )
    server = server_of(client, deployment, "project--digits")
    script = "ls -a projects/digits data; python3 -c 'import labdock; print(labdock.jobs())'"
    status, said = server.exec_run(["sh", "-c", script])
    assert status == 0 and b"ours.txt" in said and b".jupyter\n" not in said, said
    eva = logged_in(deployment, "eva")
    assert eva.http.get("/user/project--digits/lab").status_code == 403


def test_a_home_survives_its_server(ann: Person) -> None:
    ann.ask_server("PUT", "contents/kept.ipynb", {"type": "notebook", "content": EMPTY})
    ann.stop_server()
    ann.start_server()
    kept = {item["name"] for item in ann.ask_server("GET", "contents/")["content"]}
    assert {"kept.ipynb", "data", "projects", "welcome"} <= kept


def test_a_choice_is_what_the_server_gets(
    client: docker.DockerClient, deployment: Deployment
) -> None:
    bo = logged_in(deployment, "bo")
    bo.choose(environment="small", cpus="1", memory="1000000000")
    host = eventually(lambda: server_or_none(client, deployment, "bo"))["HostConfig"]
    assert host["Memory"] == 1_000_000_000 and host["CpuQuota"] == host["CpuPeriod"]


def server_or_none(
    client: docker.DockerClient, deployment: Deployment, name: str
) -> dict[str, dict[str, object]]:
    try:
        found: dict[str, dict[str, object]] = server_of(client, deployment, name).attrs
    except AssertionError:
        return {}
    return found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"environment": "larger"}, "There is no environment &#39;larger&#39;; there are: small"),
        ({"cpus": "many"}, "&#39;many&#39; is no number of cpus."),
        ({"cpus": "4096"}, "Choose more than 0 and at most"),
        ({"memory": "lots"}, "&#39;lots&#39; is no size of memory"),
        ({"memory": "100TB"}, "GB of memory."),
        ({"gpus": "1"}, "This machine offers no GPU."),
        ({"image": "busybox"}, "There is nothing called &#39;image&#39; to choose."),
    ],
)
def test_what_cannot_be_met_is_a_400_with_a_sentence(
    deployment: Deployment, options: dict[str, str], said: str
) -> None:
    answer = logged_in(deployment, "dee").choose(**options)
    assert answer.status_code == 400
    assert said in answer.text and "Traceback" not in answer.text


def test_an_environment_that_is_not_here_yet_says_so(deployment: Deployment) -> None:
    missing = "127.0.0.1:1/labdock/notebook@sha256:" + "0" * 64
    add_environment(deployment.state, "later", notebook=missing, training=missing)
    record = deployment.state.pulls
    eventually(lambda: json.loads(record.read_text()).get(missing, {}).get("problem"))
    answer = logged_in(deployment, "dee").choose(environment="later")
    assert answer.status_code == 409
    assert "Later could not be fetched" in answer.text
    assert "What can be started now: Small." in answer.text


@pytest.fixture
def unfit(client: docker.DockerClient) -> Iterator[str]:
    """An image that says it is Labdock's base, and is full of what raises rights."""
    container = client.containers.create(plain_image(), "true")
    image = container.commit(f"lt{secrets.token_hex(4)}/unfit", changes="LABEL labdock.image=base")
    container.remove()
    yield image.id
    client.images.remove(image.tags[0], force=True)


def test_an_environment_that_fails_its_verification_here_cannot_be_chosen(
    deployment: Deployment, unfit: str
) -> None:
    add_environment(deployment.state, "unfit", notebook=unfit, training=unfit)
    dee = logged_in(deployment, "dee")
    sentence = f"Unfit cannot be chosen. It failed its verification on {host_name()} on "
    eventually(
        lambda: sentence in dee.http.get("/hub/spawn").text, seconds=180, what="the verification"
    )
    answer = dee.choose(environment="unfit")
    assert answer.status_code == 409
    said = html.unescape(answer.text)
    assert sentence in said and "What can be started now: Small." in said


def test_the_stages_of_a_start_are_told(deployment: Deployment) -> None:
    dee = logged_in(deployment, "dee")
    dee.choose()
    stages = []
    with dee.http.stream("GET", "/hub/api/users/dee/server/progress") as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                stages.append(json.loads(line.removeprefix("data:")))
    told = [stage["message"] for stage in stages]
    assert told[1:-1] == [
        "Looking at what you chose",
        "Making your home and a network of its own",
        "Starting a container from Small",
        "Starting JupyterLab in it",
    ]
    assert stages[-1]["ready"]


def test_a_hub_that_starts_again_finds_the_servers(
    ann: Person, client: docker.DockerClient, deployment: Deployment
) -> None:
    before = server_of(client, deployment, ann.name)
    deployment.kill("hub")
    deployment.up()
    again = logged_in(deployment, ann.name)
    assert again.ask_server("GET", "contents/")["content"]
    after = server_of(client, deployment, ann.name)
    assert after.id == before.id and after.attrs["State"]["Running"]


def test_a_docker_that_does_not_answer_is_said(deployment: Deployment, tmp_path: Path) -> None:
    said = deployment.labdock(
        "up",
        "--detach",
        LABDOCK_STATE=str(tmp_path / "state"),
        LABDOCK_PORT=str(free_port()),
        DOCKER_HOST=f"unix://{tmp_path}/nobody.sock",
    )
    assert said.returncode == 3 and "Traceback" not in said.stderr
    assert "Docker does not answer" in said.stderr


def test_down_leaves_nothing(client: docker.DockerClient, deployment: Deployment) -> None:
    prefix = deployment.settings["LABDOCK_DOCKER__PREFIX"]
    deployment.down()
    names = [container.name for container in client.containers.list(all=True)]
    names += [network.name for network in client.networks.list()]
    assert not [name for name in names if name and name.startswith(prefix)]
    with pytest.raises(httpx.ConnectError):
        httpx.get(deployment.url)
