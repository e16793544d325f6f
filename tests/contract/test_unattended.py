"""Workers without a supervisor, on the Docker engine: the contract as far as it applies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container
from tests.contract.test_docker_engine import (
    DockerdAt,
    test_a_container_that_is_killed,
    test_a_name_that_is_taken,
    test_inputs_can_be_read_and_not_written,
    test_leased_gpus_are_asked_for_by_uuid,
    test_this_machine_reaches_a_worker_at_its_port,
)
from tests.contract.test_engines import (
    test_a_running_worker_is_not_removed,
    test_a_worker_is_bound_to_the_cpus_it_asked_for,
    test_a_worker_is_seen_from_start_to_end,
    test_a_worker_that_ignores_sigterm_is_killed_after_its_grace,
    test_an_id_that_is_no_name_is_refused,
    test_any_bytes_are_text,
    test_following_a_log_sees_each_line_and_ends_with_the_worker,
    test_kill_does_not_wait_for_the_grace,
    test_leased_devices_are_the_visible_ones,
    test_lines_of_both_streams,
    test_signals_are_negative_exit_codes,
    test_stopping_who_is_not_there_passes,
    test_the_log_of_nobody,
    test_too_much_memory_is_called_out_of_memory,
)
from tests.support.containers import pool_of
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import PlainDockerEngine, plain_image
from tests.support.owndocker import own_docker
from tests.support.workers import (
    cleared,
    docker_engine,
    ended,
    eventually,
    first_line,
    records,
    run,
    spec,
    start,
    status,
    texts,
)

from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.dockerd import Dockerd
from labdock_service.errors import EngineAway, EngineFailed
from labdock_service.statefolder import StateFolder

THE_CONTRACT = (
    test_a_container_that_is_killed,
    test_a_name_that_is_taken,
    test_a_running_worker_is_not_removed,
    test_a_worker_is_bound_to_the_cpus_it_asked_for,
    test_a_worker_is_seen_from_start_to_end,
    test_a_worker_that_ignores_sigterm_is_killed_after_its_grace,
    test_an_id_that_is_no_name_is_refused,
    test_any_bytes_are_text,
    test_following_a_log_sees_each_line_and_ends_with_the_worker,
    test_inputs_can_be_read_and_not_written,
    test_kill_does_not_wait_for_the_grace,
    test_leased_devices_are_the_visible_ones,
    test_leased_gpus_are_asked_for_by_uuid,
    test_lines_of_both_streams,
    test_signals_are_negative_exit_codes,
    test_stopping_who_is_not_there_passes,
    test_the_log_of_nobody,
    test_this_machine_reaches_a_worker_at_its_port,
    test_too_much_memory_is_called_out_of_memory,
)
"""What is asked of every worker is asked of these too, with the fixture of this file."""


class UnattendedEngine(PlainDockerEngine):
    """Starts everything without a supervisor."""

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        return super().start(replace(spec, unattended=True))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[UnattendedEngine]:
    with docker_engine(tmp_path / "state") as plain, cleared(again(plain)) as engine:
        yield engine


def again(engine: PlainDockerEngine) -> UnattendedEngine:
    """The engine as another process has it."""
    return UnattendedEngine(engine.folders, engine.docker)


@pytest.mark.parametrize("code", [0, 1, 64, 75, 255])
def test_exit_codes(engine: UnattendedEngine, code: int) -> None:
    assert run(engine, spec("sh", "-c", f"exit {code}")).exit_code == code


def test_a_start_yields_its_state_as_it_goes(engine: UnattendedEngine) -> None:
    wanted = spec("sleep", "60")
    assert [next(iter(state)) for state in engine.start(wanted)] == ["work", "container"]
    assert list(engine.start(wanted)) == [{"work": str(engine.folders.workers / wanted.id)}]


def test_a_program_that_is_not_there(engine: UnattendedEngine) -> None:
    wanted = spec("/no/such/program")
    assert run(engine, wanted).exit_code == 127
    assert "No such file or directory" in texts(engine, wanted.id)[-1]


def test_stop_asks_with_sigterm(engine: UnattendedEngine) -> None:
    wanted = spec(
        "sh", "-c", "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    )
    start(engine, wanted)
    assert first_line(engine, wanted.id) == "up"
    engine.stop(wanted.id)
    engine.stop(wanted.id)
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (0, "stopped on request")
    assert texts(engine, wanted.id) == ["up", "saved"]


def test_it_is_nobody_special_needs_no_python_and_finds_little(engine: UnattendedEngine) -> None:
    code = "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /opt/x; env; ls /opt"
    wanted = spec("/bin/sh", "-c", f"PATH=/bin:/usr/bin; {code}", environment={"MODE": "fast"})
    run(engine, wanted)
    found = texts(engine, wanted.id)
    assert found[0] == "1000" if os.getuid() == 0 else str(os.getuid())
    assert "CapEff:\t0000000000000000" in found and "NoNewPrivs:\t1" in found
    assert any("Read-only file system" in line for line in found)
    names = {line.partition("=")[0] for line in found if "=" in line}
    assert names <= {"PATH", "HOSTNAME", "HOME", "PWD", "MODE", "CUDA_VISIBLE_DEVICES"}
    assert "labdock" not in found


def test_a_half_made_start_is_made_again(engine: UnattendedEngine) -> None:
    wanted = spec("sleep", "600")
    states = engine.start(wanted)
    assert "container" in [next(iter(next(states))) for _ in range(2)]
    states.close()  # type: ignore[attr-defined]

    def tidied() -> bool:
        engine.look()
        return engine.find_container(wanted.id) is None

    eventually(tidied)
    start(engine, wanted)
    found = status(engine, wanted.id)
    assert found is not None and found.state == "running"


def test_another_process_goes_on_with_it(engine: UnattendedEngine) -> None:
    """Whoever looks takes the output on, and nothing is there twice."""
    code = "for n in $(seq 200); do echo $n; echo $n >&2; sleep 0.02; done"
    wanted = spec("sh", "-c", code)
    start(engine, wanted)
    others = [engine, again(engine), again(engine)]

    def all_look() -> bool:
        states = [status(other, wanted.id) for other in others]
        return all(found is not None and found.state == "ended" for found in states)

    eventually(all_look)
    lines = [(record.stream, record.text) for record in records(engine, wanted.id)]
    for stream in ("stdout", "stderr"):
        assert [text for of, text in lines if of == stream] == [str(n + 1) for n in range(200)]
    again(engine).remove(wanted.id)
    assert status(engine, wanted.id) is None or engine.find_container(wanted.id) is None


def test_a_stop_that_another_process_sees_through(engine: UnattendedEngine) -> None:
    wanted = spec("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done", grace=0.1)
    start(engine, wanted)
    first_line(engine, wanted.id)
    engine.stop(wanted.id)
    other = again(engine)
    other.stop(wanted.id)
    after = ended(other, wanted.id)
    assert after.exit_code == -signal.SIGKILL
    assert after.reason == "stopped on request; it was killed after 0.1 seconds"


def test_a_container_that_somebody_removed(engine: UnattendedEngine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    docker_client().containers.get(f"{engine.docker.prefix}-{wanted.id}").remove(force=True)
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (None, "its container vanished")


def test_a_long_line_is_one_line(engine: UnattendedEngine) -> None:
    wanted = spec("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo after")
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["x" * 100_000, "after"]


@pytest.mark.parametrize("looked_at", [True, False])
def test_much_output_is_there_whole(engine: UnattendedEngine, looked_at: bool) -> None:
    """More than Docker keeps in one file, also where nobody looks while it is written."""
    code = f"yes {'x' * 200} | head -n 40000 | nl -ba; sleep {0 if looked_at else 600}"
    wanted = spec("sh", "-c", code)
    start(engine, wanted)
    if looked_at:
        ended(engine, wanted.id)
    else:
        container = docker_client().containers.get(f"{engine.docker.prefix}-{wanted.id}")
        eventually(lambda: container.logs(tail=1).split()[:1] == [b"40000"])
        eventually(lambda: status(engine, wanted.id) and len(texts(engine, wanted.id)) == 40_000)
    assert [int(text.split()[0]) for text in texts(engine, wanted.id)] == list(range(1, 40_001))


class DockerdAway(Dockerd):
    """A Docker that has gone away."""

    @property
    def client(self) -> Any:
        raise EngineAway("Docker does not answer.")


class Damaged(Dockerd):
    """A Docker that gives nonsense for one worker's output, and does not take a signal for it."""

    worker = ""

    def output_since(self, container: Container, seconds: str) -> bytes:
        if container.name == f"{self.prefix}-{self.worker}":
            raise ArithmeticError
        return super().output_since(container, seconds)

    def send_signal(self, name: str, number: int) -> None:
        if name == self.worker and number == signal.SIGKILL:
            raise EngineFailed("Docker refuses it.")
        super().send_signal(name, number)


def test_trouble_with_one_worker_hides_no_other(engine: UnattendedEngine) -> None:
    damaged = spec("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done", grace=0.0)
    start(engine, damaged)
    there = engine.docker
    dockerd = Damaged(there.prefix, there.pool, there.lock)
    dockerd.__dict__["worker"] = damaged.id
    troubled = UnattendedEngine(engine.folders, dockerd)
    troubled.stop(damaged.id)
    assert run(troubled, spec("echo", "hello")).exit_code == 0
    found = status(troubled, damaged.id)
    assert found is not None and found.state == "running"
    engine.kill(damaged.id)
    assert ended(troubled, damaged.id).exit_code == -signal.SIGKILL


def test_a_worker_whose_state_cannot_be_found_out_is_as_it_was(engine: UnattendedEngine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    there = engine.docker
    senseless = UnattendedEngine(engine.folders, Senseless(there.prefix, there.pool, there.lock))
    assert [(one.id, one.state) for one in senseless.look()] == [(wanted.id, "running")]


class Senseless(Dockerd):
    """A Docker whose containers are something else."""

    def find_container(self, name: str) -> Any:
        return name


def test_while_docker_is_away_it_is_as_it_was(engine: UnattendedEngine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    there = engine.docker
    away = UnattendedEngine(engine.folders, DockerdAway(there.prefix, there.pool, there.lock))
    away.stop(wanted.id)
    found = status(away, wanted.id)
    assert found is not None and found.state == "running"
    time.sleep(0.6)
    found = status(engine, wanted.id)
    assert found is not None and found.state == "running"


def test_a_killed_docker_loses_none(tmp_path: Path) -> None:
    with own_docker() as own, swept_prefix(docker_client()) as prefix:
        packed = docker_client().images.get(plain_image()).save(named=plain_image())
        own.client.images.load(packed)
        dockerd = DockerdAt(own.client, prefix, pool_of(prefix), tmp_path / "lock")
        engine = UnattendedEngine(StateFolder(tmp_path / "state"), dockerd)
        wanted = spec("sh", "-c", "while :; do echo here; sleep 0.2; done")
        start(engine, wanted)
        first_line(engine, wanted.id)
        own.kill()
        time.sleep(1)
        seen = status(engine, wanted.id)
        assert seen is not None and seen.state == "running"
        own.start()
        time.sleep(1)
        seen = status(engine, wanted.id)
        assert seen is not None
        if seen.state == "running":
            engine.kill(wanted.id)
        after = ended(engine, wanted.id)
        assert after.exit_code is not None
        assert run(engine, spec("true")).exit_code == 0
