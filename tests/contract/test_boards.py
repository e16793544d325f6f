"""What every driver of TensorBoards does, and what jobs can do with what they put among curves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.models.containers import Container
from tests.support.boards import Curve, curve_route
from tests.support.containers import pool_of
from tests.support.docker import docker_client, swept_prefix
from tests.support.images import build_images, built
from tests.support.waiting import until

from labdock_service.boards.base import Board, BoardDriver, BoardSpec
from labdock_service.boards.boards import Boards
from labdock_service.boards.container import ContainerBoards
from labdock_service.boards.process import ProcessBoards
from labdock_service.engines.containers import give_away
from labdock_service.engines.dockerd import BOARD, Dockerd
from labdock_service.errors import EngineAway, Unavailable
from labdock_service.packaging.environments import board_record
from labdock_service.reconciler.handing import lead
from labdock_service.statefolder import StateFolder

VISION, OTHER = "gaaaaaaaaaa", "gbbbbbbbbbb"
SPEC = BoardSpec(project_id=VISION, path="/services/tensorboard/vision")
DEADLINE = 120.0
SECRET = "what nobody may read"


@dataclass
class Place:
    """A state folder with a project's curves, and what shows them."""

    state: StateFolder
    driver: BoardDriver

    def drawn(self, job: str = "j1", project: str = VISION) -> Path:
        """A job's folder for curves, shown as the reconciler shows it, and the job's own."""
        place = self.state.curves / project / job / "1"
        shown = self.state.tensorboard / project / f"digits-{job}"
        if not place.exists():
            place.mkdir(parents=True)
            shown.parent.mkdir(parents=True, exist_ok=True)
            lead(shown, place)
            give_away([place])
        return place


@pytest.fixture(scope="session")
def board_image(prepared: StateFolder) -> str:
    """The image that `labdock images build` makes."""
    docker_client()
    build_images(prepared.root, "tensorboard")
    return built(prepared.root, "tensorboard").id


@pytest.fixture
def prefix() -> Iterator[str]:
    with swept_prefix(docker_client()) as made:
        yield made


@pytest.fixture(params=["process", "docker"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    state = StateFolder(tmp_path / "state")
    if request.param == "process":
        return Place(state, ProcessBoards(state, 1))
    image, made = (request.getfixturevalue(name) for name in ("board_image", "prefix"))
    return Place(state, in_containers(state, image, made))


@pytest.fixture
def contained(tmp_path: Path, board_image: str, prefix: str) -> Place:
    """One whose TensorBoards are containers."""
    state = StateFolder(tmp_path / "state")
    return Place(state, in_containers(state, board_image, prefix))


def in_containers(state: StateFolder, image: str, prefix: str) -> ContainerBoards:
    state.environments.mkdir(parents=True, exist_ok=True)
    board_record(state).write_text(json.dumps({"image": image}))
    return ContainerBoards(state, 1, lambda: Dockerd(prefix, pool_of(prefix), state.networks_lock))


def containers(prefix: str) -> list[Container]:
    labels = [f"labdock.deployment={prefix}", BOARD]
    return list(docker_client().containers.list(all=True, filters={"label": labels}))


@contextlib.asynccontextmanager
async def started(place: Place) -> AsyncIterator[Board]:
    board = await place.driver.start(SPEC)
    try:
        yield board
    finally:
        await board.end()


async def ask(board: Board, route: str) -> tuple[int, bytes]:
    url = f"http://board{SPEC.path}/{route}"
    async with board.session.get(url, headers={"Accept-Encoding": "identity"}) as answer:
        return answer.status, await answer.read()


async def points(board: Board, run: str, count: int) -> list[list[float]]:
    """The points of a curve, once there are as many."""
    async with asyncio.timeout(DEADLINE):
        while True:
            status, body = await ask(board, curve_route(run))
            if status == 200 and len(found := json.loads(body)) >= count:
                return list(found)
            await asyncio.sleep(0.05)


async def runs(board: Board) -> list[str]:
    status, body = await ask(board, "data/runs")
    assert status == 200
    return list(json.loads(body))


async def test_curves_appear_while_they_are_written_also_of_later_jobs(place: Place) -> None:
    first = Curve(place.drawn() / "train")
    async with started(place) as board:
        for step in range(3):
            first.add(step, 1.0 / (step + 1))
            assert len(await points(board, "digits-j1/train", step + 1)) == step + 1
        Curve(place.drawn("j2") / "train").add(7, 0.5)
        (point,) = await points(board, "digits-j2/train", 1)
        assert point[1:] == [7, 0.5]


async def test_the_curves_of_the_project_alone(place: Place) -> None:
    Curve(place.drawn() / "train").add(1, 0.5)
    Curve(place.drawn("j2", OTHER) / "train").add(1, 0.25)
    async with started(place) as board:
        await points(board, "digits-j1/train", 1)
        assert await runs(board) == ["digits-j1/train"]


async def test_no_page_tells_a_path_of_this_machine(place: Place) -> None:
    async with started(place) as board:
        for page in ("data/logdir", "data/environment"):
            status, body = await ask(board, page)
            assert status == 200
            assert str(place.state.root).encode() not in body


async def test_links_among_curves_lead_nowhere(place: Place) -> None:
    """Another project's curves, in three ways, and a file of the machine's."""
    secret = Curve(place.drawn("j2", OTHER) / "train")
    secret.add(1, 0.25)
    theirs = place.drawn("j2", OTHER)
    (events,) = (theirs / "train").iterdir()
    mine = place.drawn()
    (mine / "absolute").symlink_to(theirs, target_is_directory=True)
    (mine / "relative").symlink_to(f"../../../{OTHER}/j2/1", target_is_directory=True)
    (mine / "file").mkdir()
    (mine / "file" / events.name).symlink_to(events)
    (mine / "circle").symlink_to("circle")
    (mine / "machine").symlink_to("/", target_is_directory=True)
    Curve(mine / "train").add(1, 0.5)
    async with started(place) as board:
        await points(board, "digits-j1/train", 1)
        Curve(mine / "later").add(1, 0.5)
        await points(board, "digits-j1/later", 1)
        assert set(await runs(board)) == {"digits-j1/train", "digits-j1/later"}


async def test_no_file_of_the_machine_is_served(place: Place, tmp_path: Path) -> None:
    """By the projector, whose settings lie among the curves and name files."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    mine = place.drawn() / "train"
    Curve(mine).add(1, 0.5)
    (mine / "tensors.tsv").write_text("1\t2\n3\t4\n")
    (mine / "own").write_text("one of mine\nanother\n")
    (mine / "link").symlink_to(tmp_path / "secret")
    (mine / "there").symlink_to(tmp_path, target_is_directory=True)
    named = ["own", "link", "there/secret", str(tmp_path / "secret"), "../../../../../../secret"]
    settings = "".join(
        f'embeddings {{ tensor_name: "t{number}" tensor_path: "tensors.tsv"'
        f' metadata_path: "{name}" }}\n'
        for number, name in enumerate(named)
    )
    (mine / "projector_config.pbtxt").write_text(settings)
    async with started(place) as board:
        await points(board, "digits-j1/train", 1)
        route = "data/plugin/projector/metadata?run=digits-j1/train&name=t"
        answers = [await ask(board, f"{route}{number}") for number in range(len(named))]
    assert answers[0] == (200, b"one of mine\nanother\n")
    assert [status for status, _ in answers[1:]] == [400] * 4
    assert SECRET.encode() not in b"".join(body for _, body in answers)


async def test_settings_that_are_a_link_are_not_read(place: Place, tmp_path: Path) -> None:
    """What a file of the machine's says is told by no plugin."""
    secret = f'embeddings {{ tensor_name: "{SECRET}" tensor_path: "tensors.tsv" }}\n'
    (tmp_path / "secret.pbtxt").write_text(secret)
    mine = place.drawn() / "train"
    Curve(mine).add(1, 0.5)
    (mine / "tensors.tsv").write_text("1\t2\n3\t4\n")
    (mine / "projector_config.pbtxt").symlink_to(tmp_path / "secret.pbtxt")
    async with started(place) as board:
        await points(board, "digits-j1/train", 1)
        _, body = await ask(board, "data/plugin/projector/info?run=digits-j1/train")
    assert SECRET.encode() not in body


async def test_a_pipe_among_curves_holds_nothing_up(place: Place) -> None:
    mine = place.drawn()
    curve = Curve(mine / "train")
    curve.add(1, 0.5)
    (mine / "pipe").mkdir()
    os.mkfifo(mine / "pipe" / "events.out.tfevents.1.pipe")
    os.mkfifo(mine / "train" / "projector_config.pbtxt")
    async with started(place) as board:
        await points(board, "digits-j1/train", 1)
        curve.add(2, 0.25)
        await points(board, "digits-j1/train", 2)


async def test_one_that_ended_is_known_to_have_ended(place: Place) -> None:
    async with started(place) as board:
        assert board.alive
        for _ in range(2):
            await board.end()
        async with asyncio.timeout(DEADLINE):
            await board.wait()
        assert not board.alive


async def test_two_of_a_project_do_not_disturb_each_other(place: Place) -> None:
    """As where an older one has not ended yet."""
    Curve(place.drawn() / "train").add(1, 0.5)
    older = await place.driver.start(SPEC)
    async with started(place) as newer:
        await older.end()
        await points(newer, "digits-j1/train", 1)


async def test_one_that_nobody_uses_ends(place: Place) -> None:
    boards = Boards(lambda: place.driver, idle_seconds=1)
    try:
        board = await boards.get(SPEC)
        await until(lambda: not board.alive)
        again = await boards.get(SPEC)
        assert again is not board and again.alive
    finally:
        await boards.close()
    assert not again.alive


async def test_all_end_with_the_gate(contained: Place, prefix: str) -> None:
    boards = Boards(lambda: contained.driver, idle_seconds=600)
    await boards.get(SPEC)
    starting = boards.get(BoardSpec(project_id=OTHER, path="/other"))
    await asyncio.sleep(0)
    await boards.close()
    assert starting.cancelled()
    await until(lambda: not containers(prefix))
    assert not list((contained.state.run / "boards").iterdir())


async def test_a_container_that_was_killed_is_made_anew(contained: Place, prefix: str) -> None:
    boards = Boards(lambda: contained.driver, idle_seconds=600)
    first = await boards.get(SPEC)
    (container,) = containers(prefix)
    container.kill("KILL")
    async with asyncio.timeout(DEADLINE):
        await first.wait()
    second = await boards.get(SPEC)
    assert second is not first
    assert (await ask(second, "data/environment"))[0] == 200
    await boards.close()


async def test_a_container_holds_nothing_that_it_does_not_need(
    contained: Place, prefix: str
) -> None:
    contained.drawn()
    async with started(contained):
        (container,) = containers(prefix)
        host = container.attrs["HostConfig"]
        assert host["NetworkMode"] == "none"
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["PidsLimit"] and host["Memory"] == host["MemorySwap"] > 0
        assert not container.attrs["Config"]["User"].startswith("0")
        written = {mount["Destination"] for mount in container.attrs["Mounts"] if mount["RW"]}
        assert written == {"/opt/labdock/boards/run"}
        attempts = [
            "open('digits-j1/x', 'w')",
            f"open('/opt/labdock/boards/curves/{VISION}/j1/1/x', 'w')",
            "open('/opt/labdock/engine/labdock_service/x.py', 'w')",
            "import socket; socket.create_connection(('1.1.1.1', 53), 5)",
            f"open('/opt/labdock/boards/curves/{OTHER}')",
            f"open('{contained.state.root}')",
        ]
        for attempt in attempts:
            done = container.exec_run(["python", "-c", attempt])
            assert done.exit_code == 1 and b"OSError" in _bases(done.output), attempt


def _bases(output: bytes) -> bytes:
    """The last line of a traceback, whose error is one of the system's."""
    last = output.strip().splitlines()[-1]
    known = (b"PermissionError", b"FileNotFoundError", b"OSError")
    return b"OSError" if last.startswith(known) else last


async def test_another_socket_in_the_place_of_the_first_is_not_asked(
    contained: Place, prefix: str, tmp_path: Path
) -> None:
    """What got hold of a TensorBoard cannot have the gate talk to this machine's Docker."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(True)
        writer.close()

    asked: list[bool] = []
    server = await asyncio.start_unix_server(answer, tmp_path / "docker.sock")
    async with server, started(contained) as board:
        (container,) = containers(prefix)
        swap = (
            "import os; place = '/opt/labdock/boards/run/socket'; os.unlink(place); "
            f"os.symlink('{tmp_path / 'docker.sock'}', place)"
        )
        assert container.exec_run(["python", "-c", swap]).exit_code == 0
        assert (await ask(board, "data/environment"))[0] == 200
    assert not asked


async def test_leftovers_of_an_older_gate_are_removed(
    contained: Place, board_image: str, prefix: str
) -> None:
    left = docker_client().containers.create(
        board_image, name=f"{prefix}-board-x", labels={"labdock.deployment": prefix, BOARD: "x"}
    )
    (contained.state.run / "boards/board-x").mkdir(parents=True)
    async with started(contained):
        assert left.id not in [container.id for container in containers(prefix)]
        assert not (contained.state.run / "boards/board-x").exists()


async def test_none_outlives_a_gate_that_was_killed(contained: Place, prefix: str) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from labdock_service.boards.base import BoardSpec
from labdock_service.boards.container import ContainerBoards
from labdock_service.engines.dockerd import Dockerd
from labdock_service.statefolder import StateFolder

async def main():
    state, prefix, pool = StateFolder(Path(sys.argv[1])), *sys.argv[2:]
    driver = ContainerBoards(state, 1, lambda: Dockerd(prefix, pool, state.networks_lock))
    board = await driver.start(BoardSpec(project_id="gaaaaaaaaaa", path="/x"))
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    told = (str(contained.state.root), prefix, pool_of(prefix))
    gate = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *told, stdout=asyncio.subprocess.PIPE
    )
    assert gate.stdout is not None
    assert await gate.stdout.readline() == b"started\n"
    assert len(containers(prefix)) == 1
    os.kill(gate.pid, signal.SIGKILL)
    await gate.wait()
    await until(lambda: not containers(prefix))


async def test_an_image_that_is_gone_is_a_sentence(contained: Place, prefix: str) -> None:
    board_record(contained.state).unlink()
    with pytest.raises(Unavailable, match="images build tensorboard"):
        await contained.driver.start(SPEC)
    assert not containers(prefix)


async def test_docker_that_is_away_is_a_sentence(
    contained: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/away.sock")
    with pytest.raises(EngineAway, match="Docker does not answer"):
        await contained.driver.start(SPEC)
    monkeypatch.undo()
    async with started(contained) as board:
        assert (await ask(board, "data/environment"))[0] == 200
