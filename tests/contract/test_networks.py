"""The networks of people and jobs, and what their walls let through, on real Docker."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import docker
import pytest
from tests.support.containers import pool_of
from tests.support.deployment import free_port
from tests.support.docker import docker_client, sweep, swept_prefix
from tests.support.notebook_image import notebook_image

from labdock_service.engines.networks import Networks
from labdock_service.errors import EngineFailed

pytestmark = pytest.mark.timeout(600)

TRY = """
import json, socket, sys
found = {}
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 5).close()
        found[place] = "connected"
    except Exception as error:
        found[place] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return docker_client()


@pytest.fixture(scope="module")
def image(client: docker.DockerClient) -> str:
    return notebook_image(client)


@pytest.fixture(scope="module")
def networks(
    client: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Networks]:
    with swept_prefix(client) as prefix:
        lock = tmp_path_factory.mktemp("run") / "lock"
        made = Networks(client, prefix, pool_of(prefix), free_port(), lock)
        made.ensure_door()
        made.ensure_walls(image)
        yield made
        sweep(client, prefix)
        made.remove_all(image)


def tried(networks: Networks, image: str, network: str, *places: str) -> dict[str, str]:
    """What comes of connecting to each place from a container on a network."""
    said = networks.client.containers.run(
        image,
        ["python3", "-c", TRY, *places],
        name=f"{networks.prefix}-{free_port()}",
        network=network,
        remove=True,
    )
    return dict(json.loads(said))


def listening(address: str, port: int) -> socket.socket:
    server = socket.create_server((address, port))
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    return server


def accept(server: socket.socket) -> None:
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


def test_the_door_alone_is_open(networks: Networks, image: str) -> None:
    other = free_port()
    name = networks.ensure(f"{networks.prefix}-ann")
    door, beside = f"{networks.door}:{networks.port}", f"{networks.door}:{other}"
    with listening("0.0.0.0", networks.port), listening("0.0.0.0", other):
        found = tried(networks, image, name, door, beside)
    assert found[door] == "connected"
    assert "refused" in found[beside]


def test_private_and_metadata_addresses_are_closed(networks: Networks, image: str) -> None:
    name = networks.ensure(f"{networks.prefix}-ann")
    places = ["169.254.169.254:80", "192.168.1.1:80", "10.0.0.1:80", "172.17.0.1:22"]
    assert "connected" not in tried(networks, image, name, *places).values()


def test_another_network_is_closed_and_ones_own_is_open(networks: Networks, image: str) -> None:
    mine = networks.ensure(f"{networks.prefix}-ann")
    theirs = networks.ensure(f"{networks.prefix}-bo")
    server = networks.client.containers.run(
        image,
        ["python3", "-m", "http.server", "8888"],
        name=f"{networks.prefix}-server",
        network=theirs,
        detach=True,
    )
    server.reload()
    place = f"{server.attrs['NetworkSettings']['Networks'][theirs]['IPAddress']}:8888"
    assert "connected" not in tried(networks, image, mine, place).values()
    assert "connected" not in tried(networks, image, "bridge", place).values()
    assert tried(networks, image, theirs, place) == {place: "connected"}


def test_what_the_admin_names_is_reachable(networks: Networks, image: str) -> None:
    opened = replace(networks, reachable=("172.16.0.0/12",))
    name = networks.ensure(f"{networks.prefix}-ann")
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert "-d 172.16.0.0/12 -j RETURN" not in rules
    opened.ensure_walls(image)
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert f"LABDOCK-{networks.mark}-OUT -d 172.16.0.0/12 -j RETURN" in rules
    networks.ensure_walls(image)
    assert name


def test_the_door_moves_with_the_setting(networks: Networks) -> None:
    address = networks.pool.partition("/")[0]
    upper = f"{address.rpartition('.')[0].rpartition('.')[0]}.{int(address.split('.')[2]) + 8}.0/21"
    moved = replace(networks, pool=upper)
    for current in (moved, networks):
        current.ensure_door()
        found = networks.client.networks.get(f"{networks.prefix}-hub").attrs["IPAM"]["Config"]
        assert found[0]["Gateway"] == current.door


def test_walls_that_stand_stay_as_they_are(networks: Networks, image: str) -> None:
    before = own_rules(networks)
    networks.ensure_walls(image)
    assert own_rules(networks) == before and len(before) > 20


def test_walls_are_made_by_a_container_where_root_does_not(networks: Networks, image: str) -> None:
    before = own_rules(networks)
    networks._run(networks._opening(), "")
    assert own_rules(networks) == []
    networks._run_in_container(networks._closing(), image)
    assert own_rules(networks) == before


@pytest.fixture
def few(client: docker.DockerClient, tmp_path: Path) -> Iterator[Networks]:
    """A pool of seven networks beside the door's."""
    with swept_prefix(client) as prefix:
        address = pool_of(prefix).partition("/")[0]
        made = Networks(client, prefix, f"{address}/24", free_port(), tmp_path / "lock")
        made.ensure_door()
        yield made


def test_a_pool_that_is_used_up(few: Networks) -> None:
    names = use_up(few)
    assert few.ensure(names[0]) == names[0]
    again = few.ensure(f"{few.prefix}-more")  # takes the place of those that nobody uses
    left = {found["Name"] for found in few.client.api.networks() if few.prefix in found["Name"]}
    assert left == {again, f"{few.prefix}-hub"}
    few.remove(again)
    few.remove(again)
    address = few.pool.partition("/")[0]
    small = replace(few, prefix=f"{few.prefix}x", pool=f"{address}/27")
    with pytest.raises(EngineFailed, match=r"docker\.subnet"):
        small.ensure(f"{few.prefix}x-ann")


def use_up(networks: Networks) -> list[str]:
    return [networks.ensure(f"{networks.prefix}-{number}") for number in range(7)]


def test_nobody_takes_a_network_from_a_container_that_is_to_start(
    few: Networks, image: str
) -> None:
    names, more = use_up(few), f"{few.prefix}-more"
    taking = threading.Thread(target=few.ensure, args=(more,))
    with few.claimed(names[0]) as mine:
        taking.start()
        taking.join(1)
        assert taking.is_alive(), "it does not wait"
        container = few.client.containers.create(
            image, ["true"], name=f"{few.prefix}-container", network=mine
        )
    taking.join()
    few.remove(mine)
    left = {found["Name"] for found in few.client.api.networks() if few.prefix in found["Name"]}
    assert left == {mine, more, f"{few.prefix}-hub"}
    container.start()
    assert container.wait()["StatusCode"] == 0


@dataclass(frozen=True)
class Robbed(Networks):
    """Another process takes each network away once, as soon as it is made."""

    taken: list[str] = field(default_factory=list)

    def ensure(self, name: str) -> str:
        super().ensure(name)
        if name not in self.taken:
            self.taken.append(name)
            self.remove(name)
        return name


def test_a_network_that_was_taken_is_made_again(few: Networks) -> None:
    robbed = Robbed(few.client, few.prefix, few.pool, few.port, few.lock)
    with robbed.claimed(f"{few.prefix}-ann") as mine:
        assert few.client.networks.get(mine)
    assert robbed.taken == [mine]


def own_rules(networks: Networks) -> list[str]:
    rules: list[str] = []
    for program in ("iptables-save", "ip6tables-save"):
        saved = subprocess.run([program], capture_output=True, text=True, check=True).stdout
        rules += [
            line
            for line in saved.splitlines()
            if line.startswith("-A")
            and (f"LABDOCK-{networks.mark}" in line or f"ld{networks.mark}+" in line)
        ]
    return rules
