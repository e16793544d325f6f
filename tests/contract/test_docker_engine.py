"""What only the Docker engine does: walls, gangs by name, and what becomes of Docker's troubles."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import psutil
import pytest
import requests
from docker.errors import APIError
from docker.models.containers import Container
from tests.support.containers import pool_of
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import PlainDockerEngine, plain_image, pushed
from tests.support.owndocker import own_docker
from tests.support.registry import running_registry
from tests.support.workers import (
    docker_engine,
    ended,
    eventually,
    first_line,
    python,
    run,
    spec,
    start,
    status,
    texts,
)

from labdock_service.engines.docker import DockerEngine
from labdock_service.engines.dockerd import PERSON, VERIFIER, Dockerd, end_container
from labdock_service.engines.networks import DEPLOYMENT
from labdock_service.errors import EngineAway, EngineFailed
from labdock_service.processes import own_id
from labdock_service.statefolder import StateFolder


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[PlainDockerEngine]:
    with docker_engine(tmp_path / "state") as engine:
        yield engine


# What a worker finds around it


def test_a_worker_is_nobody_special_and_its_image_cannot_be_written(
    engine: PlainDockerEngine,
) -> None:
    code = """
        import os
        found = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print(os.getuid() != 0, int(found["CapEff"], 16), int(found["NoNewPrivs"]))
        for place in ("/opt/x", "/usr/x", "/etc/x"):
            try:
                open(place, "w")
            except OSError as error:
                print(error.strerror)
    """
    wanted = spec(*python(code))
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["True 0 1", *3 * ["Read-only file system"]]


def test_inputs_can_be_read_and_not_written(engine: PlainDockerEngine, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/saved").write_text("weights")
    wanted = spec(
        "sh", "-c", f"cd {tmp_path}/model; cat saved; echo no > saved", inputs=(tmp_path / "model",)
    )
    assert run(engine, wanted).exit_code != 0
    assert "weights" in texts(engine, wanted.id)
    assert (tmp_path / "model/saved").read_text() == "weights"


def test_shared_data_can_be_read_and_a_projects_written(
    engine: PlainDockerEngine, tmp_path: Path
) -> None:
    links = {"data": tmp_path / "data", "projects/vision": tmp_path / "vision"}
    code = "touch ~/projects/vision/mine; touch ~/data/mine"
    for place in links.values():
        place.mkdir()
        os.chown(place, 1000, 1000)
    assert run(engine, spec("sh", "-c", code, links=links)).exit_code != 0
    assert (tmp_path / "vision/mine").exists()
    assert not (tmp_path / "data/mine").exists()


def test_nothing_of_its_own_can_be_put_elsewhere(engine: PlainDockerEngine, tmp_path: Path) -> None:
    """A link in the place of one of these would lead the service somewhere else."""
    layer = tmp_path / "layer"
    layer.mkdir()
    code = """
        import os, pathlib
        folder = pathlib.Path(os.environ["LABDOCK_EVENTS"]).parent
        for path in sorted(folder.iterdir()):
            for attempt in (lambda: path.rename(path.with_suffix(".x")), lambda: path.unlink()):
                try:
                    attempt()
                    print("moved", path.name)
                except OSError:
                    pass
        print(*sorted(path.name for path in folder.iterdir()))
    """
    wanted = spec(*python(code), code=layer, inputs=(layer,))
    run(engine, wanted)
    names = "code control events.jsonl home lock log status.json tmp"
    assert texts(engine, wanted.id) == [names]


STATUSES = ["'{}'", "'[' * 100_000", "'x' * 10_000_000", """'{"state": "ended"}'"""]


@pytest.mark.parametrize("status", STATUSES, ids=["empty", "deep", "huge", "wrong"])
def test_a_status_that_a_worker_writes_harms_nobody_else(
    engine: PlainDockerEngine, status: str
) -> None:
    code = f"""
        import os, pathlib, time
        pathlib.Path(os.environ["LABDOCK_EVENTS"]).with_name("status.json").write_text({status})
        print("written", flush=True)
        time.sleep(600)
    """
    hostile, other = spec(*python(code)), spec("true")
    start(engine, hostile)
    first_line(engine, hostile.id)
    assert run(engine, other).exit_code == 0
    engine.kill(hostile.id)
    eventually(lambda: engine.look() and engine.find_container(hostile.id) is None)


def test_a_worker_that_takes_its_supervisors_orders_away_is_ended_all_the_same(
    engine: PlainDockerEngine,
) -> None:
    code = """
        import os, pathlib
        control = pathlib.Path(os.environ["LABDOCK_EVENTS"]).with_name("control")
        orders = os.open(control, os.O_RDWR)
        print("listens", flush=True)
        while True:
            os.read(orders, 1)
    """
    wanted = spec(*python(code), grace=0.1)
    start(engine, wanted)
    first_line(engine, wanted.id)
    engine.stop(wanted.id)
    assert ended(engine, wanted.id).exit_code in (None, -signal.SIGKILL, -signal.SIGTERM)


def test_what_was_asked_for_is_out_of_its_reach(engine: PlainDockerEngine) -> None:
    code = """
        import os, pathlib
        folder = pathlib.Path(os.environ["LABDOCK_EVENTS"]).parent
        print(*sorted(path.name for path in folder.parent.iterdir()))
    """
    wanted = spec(*python(code))
    run(engine, wanted)
    assert texts(engine, wanted.id) == [wanted.id]


# Networks

LISTENS = """
    import socket
    server = socket.create_server(("0.0.0.0", {port}))
    print("listens", flush=True)
    while True:
        with server.accept()[0] as connection:
            connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
"""

ASKS = """
    import socket
    try:
        with socket.create_connection(("{host}", {port}), timeout=5) as connection:
            print(connection.recv(100).split()[-1].decode())
    except OSError as error:
        print("no way")
"""


def test_workers_of_a_group_reach_each_other_by_name_and_no_others(
    engine: PlainDockerEngine,
) -> None:
    listener = spec(*python(LISTENS.format(port=2222)), group="job-jone-1")
    start(engine, listener)
    first_line(engine, listener.id)
    [address] = engine.addresses("local", [listener.id])
    host, _, port = address.partition(":")
    asks = python(ASKS.format(host=host, port=port))
    friend, stranger = spec(*asks, group="job-jone-1"), spec(*asks, group="job-jtwo-1")
    run(engine, friend)
    run(engine, stranger)
    assert texts(engine, friend.id) == ["hello"]
    assert texts(engine, stranger.id) == ["no way"]


def test_this_machine_reaches_a_worker_at_its_port(engine: PlainDockerEngine) -> None:
    address = engine.reserve_port("local")
    port = int(address.rpartition(":")[2])
    listener = spec(*python(LISTENS.format(port=port)), port=port)
    start(engine, listener)
    first_line(engine, listener.id)
    with urllib.request.urlopen(f"http://{address}/", timeout=60) as answer:
        assert answer.read() == b"hello"


def test_networks_and_containers_are_gone_with_their_workers(engine: PlainDockerEngine) -> None:
    wanted = [spec("true", group="job-jgang-1") for _ in range(2)]
    for worker in wanted:
        run(engine, worker)
    engine.look()
    assert all(engine.find_container(worker.id) is None for worker in wanted)
    assert not [name for name in engine.networks() if "jgang" in name]


# GPUs


def test_leased_gpus_are_asked_for_by_uuid(engine: PlainDockerEngine) -> None:
    run(engine, spec("true", devices=("GPU-1", "GPU-2")))
    [request] = engine.requested
    assert (request["Driver"], request["DeviceIDs"]) == ("nvidia", ["GPU-1", "GPU-2"])


class StartsMeanwhile(Dockerd):
    """Another process starts a worker just before Docker lists the containers."""

    def workers(self) -> dict[str, str]:
        for begin in self.__dict__.pop("begins", []):
            begin()
        return super().workers()


def test_a_worker_that_another_process_starts_meanwhile_is_left_alone(
    engine: PlainDockerEngine,
) -> None:
    there, wanted = engine.docker, spec("sleep", "600")
    dockerd = StartsMeanwhile(there.prefix, there.pool, there.lock)
    dockerd.__dict__["begins"] = [lambda: start(engine, wanted)]
    PlainDockerEngine(engine.folders, dockerd).look()
    found = status(engine, wanted.id)
    assert found is not None and found.state == "running"
    assert engine.find_container(wanted.id) is not None


class StartsBeforeItTidies(PlainDockerEngine):
    """Another process starts a worker between a look at it and what follows from that."""

    begin: Callable[[], object]

    def _tidy(self, group: str, container: str | None) -> None:
        self.begin()
        super()._tidy(group, container)


def test_a_worker_that_another_process_starts_after_a_look_is_left_alone(
    engine: PlainDockerEngine,
) -> None:
    wanted = spec("sleep", "600")
    broken_off = engine.start(wanted)
    assert "container" in [next(iter(next(broken_off))) for _ in range(2)]
    broken_off.close()  # type: ignore[attr-defined]
    left = engine.find_container(wanted.id)
    other = StartsBeforeItTidies(engine.folders, engine.docker)
    other.begin = lambda: start(engine, wanted)
    other.look()
    assert engine.find_container(wanted.id) is not None  # it might be about to say something

    def runs() -> bool:
        other.look()
        found = status(engine, wanted.id)
        return found is not None and found.state == "running"

    eventually(runs)
    new = engine.find_container(wanted.id)
    assert left is not None and new is not None and new.id != left.id


def test_a_docker_that_cannot_give_gpus_away(engine: PlainDockerEngine, tmp_path: Path) -> None:
    if engine.has_toolkit():
        pytest.skip("this machine's Docker can")
    plain = DockerEngine(StateFolder(tmp_path / "other"), engine.docker)
    with pytest.raises(EngineFailed, match="install NVIDIA's toolkit"):
        start(plain, spec("true", image=plain_image(), devices=("GPU-1",)))
    assert plain.why_no_gpu()


def test_a_persons_container_is_known_whatever_the_hub_says(engine: PlainDockerEngine) -> None:
    labels = {DEPLOYMENT: engine.docker.prefix, PERSON: "p1"}
    assert engine.runs_server("p1") is False
    docker_client().containers.run(
        plain_image(),
        ["sleep", "600"],
        name=f"{engine.docker.prefix}-server-p1",
        labels=labels,
        detach=True,
    )
    assert engine.runs_server("p1") is True
    assert engine.runs_server("p2") is False


def test_a_verification_lasts_as_long_as_the_container_that_was_left(
    engine: PlainDockerEngine,
) -> None:
    gone = own_id().rpartition("/")[0] + "/0.0"
    assert engine.verifies(own_id()) and not engine.verifies(gone)
    left = docker_client().containers.run(
        plain_image(),
        ["sleep", "600"],
        name=f"{engine.docker.prefix}-verify",
        labels={VERIFIER: gone},
        detach=True,
    )
    assert engine.verifies(gone)
    left.kill()
    assert not engine.verifies(gone)


# Docker's troubles


def test_a_container_that_is_killed(engine: PlainDockerEngine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    container = engine.find_container(wanted.id)
    assert container is not None
    container.kill("KILL")
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (-signal.SIGKILL, None)


def test_a_container_that_is_killed_while_docker_notices_late(engine: PlainDockerEngine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    container = engine.find_container(wanted.id)
    assert container is not None
    process = psutil.Process(container.attrs["State"]["Pid"])
    shim = process.parent()
    assert shim is not None and "shim" in shim.name()
    shim.suspend()
    process.kill()
    noticing = threading.Timer(1.0, shim.resume)
    noticing.start()
    after = ended(engine, wanted.id)
    noticing.join()
    assert (after.exit_code, after.reason) == (-signal.SIGKILL, None)


def test_a_name_that_is_taken(engine: PlainDockerEngine) -> None:
    wanted = spec("true")
    docker_client().containers.create(
        plain_image(), "true", name=f"{engine.docker.prefix}-{wanted.id}"
    )
    with pytest.raises(EngineFailed, match="that is not Labdock's: remove or rename it"):
        start(engine, wanted)


def test_several_remove_one_container(engine: PlainDockerEngine) -> None:
    """Whoever comes second waits until it is gone: its name can be used again."""
    client, dockerd = docker_client(), engine.docker
    name = f"{dockerd.prefix}-once"
    labels = {DEPLOYMENT: dockerd.prefix}

    def remove(_number: int) -> bool:
        dockerd.remove_container("once")
        return dockerd.find_container("once") is None

    for _ in range(3):
        client.containers.run(
            plain_image(), ["sleep", "600"], name=name, labels=labels, detach=True
        )
        with ThreadPoolExecutor(6) as removers:
            assert all(removers.map(remove, range(6)))


class Going(Container):  # type: ignore[misc]  # docker has no types
    """Somebody else began to remove it."""

    def remove(self, **options: object) -> None:
        del options
        refused = requests.Response()
        refused.status_code = requests.codes.conflict
        raise APIError("removal is already in progress", response=refused)


def test_a_removal_that_takes_its_time(engine: PlainDockerEngine) -> None:
    image, name = plain_image(), f"{engine.docker.prefix}-going"
    made = docker_client().containers.run(image, ["sleep", "600"], name=name, detach=True)
    going = Going(attrs=made.attrs, client=made.client, collection=made.collection)
    with pytest.raises(EngineAway, match=f"has been removing the container {name} for 1 s"):
        end_container(going, patience=1)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(end_container, going)
        made.remove(force=True)
        waiting.result(60)
    end_container(made)


def test_a_half_made_start_is_made_again(engine: PlainDockerEngine) -> None:
    wanted = spec("echo", "ran")
    states = engine.start(wanted)
    assert "container" in [next(iter(next(states))) for _ in range(2)]
    states.close()  # type: ignore[attr-defined]
    assert run(engine, wanted).exit_code == 0
    assert texts(engine, wanted.id) == ["ran"]


def test_an_image_that_no_registry_has(engine: PlainDockerEngine, tmp_path: Path) -> None:
    with running_registry(tmp_path / "registry") as registry:
        engine.log_in(registry.address)
        there = pushed(plain_image(), registry, "labdock/jobs/p1")
        assert run(engine, spec("true", image=there)).exit_code == 0
        gone = f"{there.partition('@')[0]}@sha256:{'0' * 64}"
        with pytest.raises(EngineFailed, match="not in the registry any more"):
            start(engine, spec("true", image=gone))
    docker_client().images.remove(there, force=True)
    with pytest.raises(EngineFailed):
        start(engine, spec("true", image=there))


def test_a_docker_that_does_not_answer(tmp_path: Path) -> None:
    nowhere = docker.DockerClient(base_url=f"unix://{tmp_path}/none.sock", version="1.41")
    away = DockerdAt(nowhere, "lt0000", "10.250.0.0/24", tmp_path / "lock")
    engine = PlainDockerEngine(StateFolder(tmp_path), away)
    with pytest.raises(EngineAway, match="Docker does not answer"):
        start(engine, spec("true", image="any"))
    assert [worker.state for worker in engine.look()] in ([], ["starting"])


class DockerdAt(Dockerd):
    """A Docker that is somewhere else."""

    def __init__(self, client: docker.DockerClient, prefix: str, pool: str, lock: Path) -> None:
        super().__init__(prefix, pool, lock)
        self.__dict__["client"] = client


def test_a_killed_docker_loses_no_worker(tmp_path: Path) -> None:
    """Until it is back a worker is as it was; then it runs on, or has ended as if killed."""
    with own_docker() as own, swept_prefix(docker_client()) as prefix:
        packed = docker_client().images.get(plain_image()).save(named=plain_image())
        own.client.images.load(packed)
        engine = PlainDockerEngine(
            StateFolder(tmp_path / "state"),
            DockerdAt(own.client, prefix, pool_of(prefix), tmp_path / "lock"),
        )
        wanted = spec("sh", "-c", "while :; do echo here; sleep 0.2; done")
        start(engine, wanted)
        first_line(engine, wanted.id)
        own.kill()
        seen = status(engine, wanted.id)
        assert seen is not None and seen.state == "running"
        with pytest.raises(EngineAway):
            start(engine, spec("true"))
        before = len(texts(engine, wanted.id))
        eventually(lambda: len(texts(engine, wanted.id)) > before)
        own.start()
        time.sleep(1)
        seen = status(engine, wanted.id)
        assert seen is not None
        if seen.state == "running":
            engine.kill(wanted.id)
        after = ended(engine, wanted.id)
        assert after.exit_code in (-signal.SIGKILL, -signal.SIGTERM)
        assert run(engine, spec("true")).exit_code == 0
