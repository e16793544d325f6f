"""The process engine when something is killed, fails half way or is done twice."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.workers import (
    DEADLINE,
    ended,
    eventually,
    first_line,
    gone,
    process_engine,
    python,
    records,
    run,
    spec,
    start,
    status,
    texts,
)

from labdock_service import wakeup
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.process import ProcessEngine
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.errors import EngineFailed
from labdock_service.statefolder import StateFolder

FAMILY = """
import os, time
pids = [os.getpid()]
for lead in (False, True):
    read, write = os.pipe()
    if not os.fork():
        if lead:
            os.setsid()
        os.write(write, b"%d" % os.getpid())
        time.sleep(600)
    pids.append(int(os.read(read, 20)))
print(*pids)
time.sleep(600)
"""
"""A worker, its child, and a child in a session of its own."""


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def engine(state: StateFolder) -> Iterator[ProcessEngine]:
    with process_engine(state.root) as engine:
        yield engine


def appends(file: Path, then: str = "sleep 600") -> WorkerSpec:
    """A worker that leaves a line in a file each time that it runs."""
    return spec("sh", "-c", f"echo ran >> {file}; {then}")


# The supervisor dies


def test_no_worker_outlives_its_supervisor(engine: ProcessEngine) -> None:
    wanted = spec(*python(FAMILY))
    supervisor = start(engine, wanted)["supervisor"]
    pids = [int(pid) for pid in first_line(engine, wanted.id).split()]
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: gone(supervisor) and gone(pids[0]))
    after = status(engine, wanted.id)
    assert after is not None
    assert (after.state, after.exit_code) == ("ended", None)
    assert after.reason == "its supervisor vanished"
    assert after.ended is not None
    assert all(gone(pid) for pid in pids)
    assert texts(engine, wanted.id) == [" ".join(map(str, pids))]


def test_a_worker_that_lost_its_supervisor_is_not_started_again(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    wanted = appends(tmp_path / "runs")
    supervisor = start(engine, wanted)["supervisor"]
    eventually((tmp_path / "runs").exists)
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: gone(supervisor))
    start(engine, wanted)
    assert ended(engine, wanted.id).reason == "its supervisor vanished"
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_following_a_log_ends_when_the_supervisor_vanishes(engine: ProcessEngine) -> None:
    wanted = spec("sh", "-c", "echo up; sleep 600")
    supervisor = start(engine, wanted)["supervisor"]

    async def follow() -> list[str]:
        seen = []
        async for record in engine.log(wanted.id, follow=True):
            seen.append(record.text)
            os.kill(supervisor, signal.SIGKILL)
        return seen

    assert asyncio.run(asyncio.wait_for(follow(), DEADLINE)) == ["up"]


def test_a_supervisor_that_is_told_to_end_stops_its_worker(engine: ProcessEngine) -> None:
    wanted = spec("sh", "-c", "trap 'exit 143' TERM; echo up; while :; do sleep 0.1; done")
    supervisor = start(engine, wanted)["supervisor"]
    first_line(engine, wanted.id)
    os.kill(supervisor, signal.SIGTERM)
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (143, "stopped: its supervisor was told to end")


# The service dies

SERVICE = """
import sys, time
from pathlib import Path
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.process import ProcessEngine
from labdock_service.statefolder import StateFolder

engine = ProcessEngine(StateFolder(Path(sys.argv[1])))
spec = WorkerSpec(id="job-jkilled-1-0", argv=("sh", "-c", sys.argv[2]), cpus=0)
for state in engine.start(spec):
    print(state, flush=True)
    if sys.argv[3] in state:
        time.sleep(600)
"""


def service_killed_after(state: StateFolder, yielded: str, command: str) -> None:
    """A service that starts a worker and is killed once its start came this far."""
    arguments = [sys.executable, "-c", SERVICE, str(state.root), command, yielded]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as service:
        assert service.stdout is not None
        for line in service.stdout:
            if yielded in line:
                break
        os.killpg(service.pid, signal.SIGKILL)


def test_a_worker_outlives_the_service(engine: ProcessEngine, state: StateFolder) -> None:
    service_killed_after(state, "pid", "mkfifo go; echo up; read line < go; echo $line; exit 7")
    assert first_line(engine, "job-jkilled-1-0") == "up"
    (found,) = engine.look()
    assert (found.state, found.reason) == ("running", None)
    assert found.work is not None
    (found.work / "go").write_text("on\n")
    assert ended(engine, found.id).exit_code == 7
    assert texts(engine, found.id) == ["up", "on"]


@pytest.mark.parametrize("yielded", ["work", "supervisor"])
def test_a_start_that_was_broken_off_ran_nothing_and_can_be_done_again(
    engine: ProcessEngine, state: StateFolder, tmp_path: Path, yielded: str
) -> None:
    wanted = appends(tmp_path / "runs", then="exit 0")
    wanted = WorkerSpec(id="job-jkilled-1-0", argv=wanted.argv, cpus=0)
    service_killed_after(state, yielded, "echo wrong")
    eventually(lambda: status(engine, wanted.id) is None)
    assert run(engine, wanted).exit_code == 0
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert texts(engine, wanted.id) == []


# A start fails half way


class StartFailsAfter(ProcessEngine):
    """Fails once its start came this far."""

    failing = "supervisor"

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        for state in super().start(spec):
            yield state
            if self.failing in state:
                raise EngineFailed("The machine broke.")


@pytest.mark.parametrize("failing", ["work", "supervisor"])
def test_a_start_that_failed_half_way_leaves_nothing(
    engine: ProcessEngine, state: StateFolder, tmp_path: Path, failing: str
) -> None:
    broken = StartFailsAfter(state)
    broken.failing = failing
    wanted = appends(tmp_path / "runs", then="exit 0")
    with pytest.raises(EngineFailed):
        start(broken, wanted)
    eventually(lambda: status(engine, wanted.id) is None)
    assert run(engine, wanted).exit_code == 0
    assert (tmp_path / "runs").read_text() == "ran\n"
    engine.remove(wanted.id)


def test_an_interrupted_start_can_be_removed(engine: ProcessEngine, state: StateFolder) -> None:
    wanted = spec("sleep", "600")
    with pytest.raises(EngineFailed):
        start(StartFailsAfter(state), wanted)
    eventually(lambda: status(engine, wanted.id) is None)
    engine.remove(wanted.id)
    assert not (state.workers / wanted.id).exists()


class SupervisorIsKilledAtOnce(ProcessEngine):
    """Loses each supervisor before it has its order."""

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        for state in super().start(spec):
            if "supervisor" in state:
                os.kill(state["supervisor"], signal.SIGKILL)
            yield state


def test_a_supervisor_killed_before_its_order(state: StateFolder) -> None:
    wanted = spec("sleep", "600")
    with pytest.raises(EngineFailed, match="ended before its worker began"):
        start(SupervisorIsKilledAtOnce(state), wanted)
    assert status(ProcessEngine(state), wanted.id) is None


class DiskIsFull(ProcessEngine):
    """Has no space for a worker's folder."""

    def _prepare(self, folder: WorkerFolder, spec: WorkerSpec) -> None:
        super()._prepare(folder, spec)
        raise OSError(28, "No space left on device", str(folder.path))


def test_no_space_for_a_worker_is_a_sentence_without_a_path(state: StateFolder) -> None:
    with pytest.raises(EngineFailed) as failure:
        start(DiskIsFull(state), spec("true"))
    assert "no space left" in str(failure.value)
    assert str(state.root) not in str(failure.value)


# Done twice, by two


def test_a_second_engine_adopts_what_the_first_started(
    engine: ProcessEngine, state: StateFolder
) -> None:
    wanted = spec("sh", "-c", "trap 'exit 143' TERM; echo up; while :; do sleep 0.1; done")
    start(engine, wanted)
    second = ProcessEngine(state)
    assert first_line(second, wanted.id) == "up"
    assert second.look() == engine.look()
    second.stop(wanted.id)
    assert ended(second, wanted.id) == ended(engine, wanted.id)
    assert records(second, wanted.id) == records(engine, wanted.id)


def test_two_that_start_the_same_worker_run_it_once(state: StateFolder, tmp_path: Path) -> None:
    with process_engine(state.root) as engine, ThreadPoolExecutor(4) as pool:
        wanted = appends(tmp_path / "runs", then="exit 0")
        list(pool.map(lambda _: start(ProcessEngine(state), wanted), range(8)))
        assert ended(engine, wanted.id).exit_code == 0
    assert (tmp_path / "runs").read_text() == "ran\n"


# What is kept, and what is not


def test_secrets_are_nowhere_on_the_disk_and_in_no_argument(
    engine: ProcessEngine, state: StateFolder
) -> None:
    wanted = spec("sh", "-c", "echo ${#API_KEY}; sleep 600", secrets={"API_KEY": "s3cr3tvalue"})
    states = start(engine, wanted)
    assert first_line(engine, wanted.id) == "11"
    for file in state.root.rglob("*"):
        if file.is_file():
            assert b"s3cr3tvalue" not in file.read_bytes(), file
    for pid in (states["supervisor"], states["pid"]):
        assert b"s3cr3tvalue" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert re.search(r"Max core file size +[01] ", Path(f"/proc/{pid}/limits").read_text())
    assert b"s3cr3tvalue" not in Path(f"/proc/{states['supervisor']}/environ").read_bytes()
    assert "s3cr3tvalue" not in repr(wanted)


def test_a_workers_folder_is_its_users_alone(engine: ProcessEngine, state: StateFolder) -> None:
    wanted = spec("true")
    run(engine, wanted)
    assert (state.workers / wanted.id).stat().st_mode & 0o777 == 0o700


def test_temporary_files_go_with_their_worker(engine: ProcessEngine, state: StateFolder) -> None:
    wanted = spec("sh", "-c", "echo much > $TMPDIR/file; echo cache > $HOME/file")
    run(engine, wanted)
    folder = state.workers / wanted.id
    eventually(lambda: not (folder / "tmp").exists())
    assert (folder / "home" / "file").is_file()


def test_a_copy_shares_no_file_with_its_layer(engine: ProcessEngine, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "train.py").write_text("1")
    work = Path(start(engine, spec("true", code=layer))["work"])
    assert (work / "train.py").stat().st_nlink == 1
    assert (work / "train.py").stat().st_ino != (layer / "train.py").stat().st_ino


def test_what_is_no_worker_is_not_looked_at(engine: ProcessEngine, state: StateFolder) -> None:
    wanted = spec("true")
    run(engine, wanted)
    (state.workers / "lost+found").mkdir()
    (state.workers / "note.txt").touch()
    assert [worker.id for worker in engine.look()] == [wanted.id]


def test_a_worker_inherits_three_descriptors(engine: ProcessEngine) -> None:
    wanted = spec(*python("import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"))
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["[0, 1, 2]"]


def test_a_closed_pipe_ends_a_worker_as_anywhere(engine: ProcessEngine) -> None:
    wanted = spec("sh", "-c", "yes | head -1; exit 4")
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["y"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_loses_output_and_no_worker(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        with process_engine(disk / "state") as engine:
            code = """
                import os, sys, time
                print("x" * 4000, flush=True)
                for n in range(1000):
                    os.write(1, b"y" * 2000 + b"\\n")
                while not os.path.exists("go"):
                    time.sleep(0.01)
                print("after")
                sys.exit(5)
            """
            wanted = spec(*python(code))
            states = start(engine, wanted)
            work = Path(states["work"])
            eventually(lambda: os.statvfs(disk).f_bavail < 2)
            (work / "log").open("r+b").truncate(10_000)
            (work / "go").touch()
            assert ended(engine, wanted.id).exit_code == 5
            found = texts(engine, wanted.id)
            assert found[-1] == "after"
            assert any("output were lost" in line for line in found)
            eventually(lambda: gone(states["supervisor"]))
    finally:
        subprocess.run(["umount", disk], check=True)


# Waking the reconciler


def test_every_change_of_state_and_event_wakes_the_reconciler(tmp_path: Path) -> None:
    pipe = tmp_path / "state" / "run" / "reconciler.pipe"
    descriptor = wakeup.open_pipe(pipe)

    def woken() -> bool:
        found = bool(select.select([descriptor], [], [], DEADLINE)[0])
        wakeup.drain(descriptor)
        return found

    with process_engine(tmp_path / "state", pipe) as engine:
        code = 'read line < go; echo "{}" >> $LABDOCK_EVENTS; read line < end'
        wanted = spec("sh", "-c", f"mkfifo go end; echo up; {code}")
        work = Path(start(engine, wanted)["work"])
        assert woken()
        first_line(engine, wanted.id)
        (work / "go").write_text("\n")
        assert woken()
        assert engine.events(wanted.id, 0) == ([b"{}"], 3)
        (work / "end").write_text("\n")
        assert woken()
        assert ended(engine, wanted.id).exit_code == 0
    os.close(descriptor)
