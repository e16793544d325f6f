"""Real workers for tests of engines: programs to run, waiting with a deadline, clearing up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.support.containers import pool_of
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import PlainDockerEngine

from labdock_service import processes
from labdock_service.engines.base import Engine, LogRecord, WorkerSpec, WorkerStatus
from labdock_service.engines.dockerd import Dockerd
from labdock_service.engines.process import ProcessEngine
from labdock_service.statefolder import StateFolder

Found = TypeVar("Found")

DEADLINE = 120.0
_numbers = count(1)


def eventually(look: Callable[[], Found | None], seconds: float = DEADLINE) -> Found:
    """What `look` finds, as soon as it finds something that is true."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"waited {seconds:g} seconds in vain"
        time.sleep(0.02)
    return found


def python(code: str) -> tuple[str, ...]:
    """A command that runs this Python code."""
    return (sys.executable, "-S", "-c", textwrap.dedent(code))


def spec(*argv: str, **changes: Any) -> WorkerSpec:
    """A worker with an id of its own."""
    plain = WorkerSpec(id=f"job-jtest{next(_numbers)}-1-0", argv=argv, cpus=0, grace=20)
    return replace(plain, **changes)


def run(engine: Engine, wanted: WorkerSpec) -> WorkerStatus:
    """Start a worker and wait for its end."""
    start(engine, wanted)
    return ended(engine, wanted.id)


def start(engine: Engine, wanted: WorkerSpec) -> dict[str, Any]:
    """Start a worker; what was yielded, in one."""
    states: dict[str, Any] = {}
    for state in engine.start(wanted):
        states |= state
    return states


def status(engine: Engine, worker: str) -> WorkerStatus | None:
    """What the engine sees of this worker."""
    return next((found for found in engine.look() if found.id == worker), None)


def ended(engine: Engine, worker: str) -> WorkerStatus:
    """Wait until the worker has ended."""

    def look() -> WorkerStatus | None:
        found = status(engine, worker)
        assert found is not None, "the worker is lost"
        return found if found.state == "ended" else None

    return eventually(look)


def records(engine: Engine, worker: str, **how: Any) -> list[LogRecord]:
    """The worker's log as it is now, or until its end with `follow=True`."""

    async def collect() -> list[LogRecord]:
        return [record async for record in engine.log(worker, **how)]

    return asyncio.run(collect())


def texts(engine: Engine, worker: str, **how: Any) -> list[str]:
    """The worker's lines on both streams."""
    return [record.text for record in records(engine, worker, **how)]


def first_line(engine: Engine, worker: str) -> str:
    """The worker's first line, once it is there."""
    return eventually(lambda: texts(engine, worker)[:1])[0]


def gone(pid: int) -> bool:
    """Whether a process has ended, though perhaps not been waited for."""
    started = processes.start_time(pid)
    return started is None or not processes.alive(pid, started)


def all_gone(engine: Engine, worker: str, pids: Iterable[int]) -> bool:
    """Whether the processes of a worker that ended have too; with its container all of them."""
    if isinstance(engine, PlainDockerEngine):
        return engine.find_container(worker) is None
    return all(map(gone, pids))


def first_process(engine: Engine, worker: str, told: dict[str, Any]) -> int:
    """The process id of a worker's supervisor, on this machine."""
    if isinstance(engine, PlainDockerEngine):
        container = engine.find_container(worker)
        assert container is not None
        return int(container.attrs["State"]["Pid"])
    return int(told["supervisor"])


def strike(engine: Engine, worker: str, pid: int) -> None:
    """SIGKILL to a worker's own process, from outside."""
    if isinstance(engine, PlainDockerEngine):
        container = engine.find_container(worker)
        assert container is not None
        container.exec_run(["python3", "-c", f"import os; os.kill({pid}, 9)"])
    else:
        os.kill(pid, signal.SIGKILL)


@contextmanager
def process_engine(root: Path, wake: Path | None = None) -> Iterator[ProcessEngine]:
    """A process engine whose workers are all ended and removed afterwards."""
    engine = ProcessEngine(StateFolder(root), wake)
    with cleared(engine):
        yield engine


@contextmanager
def docker_engine(root: Path, wake: Path | None = None) -> Iterator[PlainDockerEngine]:
    """The same of this machine's Docker."""
    with swept_prefix(docker_client()) as prefix:
        state = StateFolder(root)
        dockerd = Dockerd(prefix, pool_of(prefix), state.networks_lock)
        engine = PlainDockerEngine(state, dockerd, wake)
        with cleared(engine):
            yield engine


ENGINES = {"process": process_engine, "docker": docker_engine}


Cleared = TypeVar("Cleared", bound=Engine)


@contextmanager
def cleared(engine: Cleared) -> Iterator[Cleared]:
    """An engine whose workers are all ended and removed afterwards."""
    try:
        yield engine
    finally:
        for worker in engine.look():
            engine.kill(worker.id)
        for worker in engine.look():
            ended(engine, worker.id)
            engine.remove(worker.id)
