"""What every engine does: plain data in, plain data out, and a handful of hooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from labdock_service import processes

NO_GPU = "It needs a GPU, and no machine here has one that nvidia-smi lists."
"""Why an environment cannot be used."""

WorkerState = Literal["starting", "running", "ended"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU of a node; `memory` in bytes."""

    uuid: str
    title: str
    memory: int


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine and what it has; `memory` in bytes."""

    name: str
    cpus: float
    memory: int
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WorkerSpec:
    """A worker to start.

    `id` names it on every engine, is unique for ever and carries its owner and attempt
    (`job-ID-ATTEMPT-RANK`, `revision-ID-ATTEMPT-0`): who finds it running knows whose it is.
    `image` is what a container engine starts it from, by digest; the paths of `argv`,
    `python_path` and `code` are then paths in that image. `code` is copied for the
    worker to work in, none for a model server. `memory` 0 means no limit of its own.
    `inputs` are folders of the deployment the worker may read, `outputs` those it may
    write, by environment variable; `links` others, by where the worker finds them below its home.
    Workers of one `group` reach each other. `port` is where this machine reaches the worker.
    `grace` is the seconds between SIGTERM and SIGKILL. An `unattended` one is a program of an
    image that may lack Python, and so runs without a supervisor: on a container engine alone,
    with `environment` and `inputs` and nothing else of its own, and without events.
    """

    id: str
    argv: tuple[str, ...]
    image: str = ""
    python_path: tuple[Path, ...] = ()
    code: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    inputs: tuple[Path, ...] = ()
    outputs: dict[str, Path] = field(default_factory=dict)
    links: dict[str, Path] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    node: str = "local"
    devices: tuple[str, ...] = ()
    cpus: float = 1.0
    memory: int = 0
    group: str = ""
    port: int | None = None
    grace: float = 30.0
    unattended: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """What an engine sees of a worker. `exit_code` is negative for a signal, as in subprocess.

    `reason` is a sentence where the exit code alone does not say it (out of memory, stopped
    on request, the supervisor vanished). `work` is the folder it works in.
    """

    id: str
    state: WorkerState
    node: str
    labels: dict[str, str]
    work: Path | None = None
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """A line of a worker's output; `cursor` is opaque and continues after it."""

    time: float
    stream: Literal["stdout", "stderr"]
    text: str
    cursor: str


class Engine(ABC):
    """Runs workers. Every verb may be called by any process at any time, and again."""

    name: str
    environments: Literal["local", "image"]
    """The kind of environment that its workers start from."""

    @abstractmethod
    def nodes(self) -> list[Node]:
        """The machines there are now, with their devices."""

    def why_no_gpu(self) -> str | None:
        """Why nothing can run on a GPU here, as a sentence; none where something can."""
        return None if any(node.devices for node in self.nodes()) else NO_GPU

    @abstractmethod
    def runs_server(self, person_id: str) -> bool | None:
        """Whether a person's server runs, whatever the hub says; None where that is not known."""

    def verifies(self, process: str) -> bool:
        """Whether a process that verifies images runs, or what it started does."""
        return processes.lives(process)

    @abstractmethod
    def addresses(self, node: str, workers: Sequence[str]) -> list[str]:
        """Where workers of a gang can listen for each other, as `host:port`, by their ids."""

    @abstractmethod
    def reserve_port(self, node: str) -> str:
        """Where Labdock can reach a worker that listens there, as `host:port`."""

    @abstractmethod
    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        """Start a worker, yielding state as it goes so that a half-made start can be undone.

        Starting an id that is there already starts nothing and yields its state.
        Raises EngineFailed with a sentence.
        """

    @abstractmethod
    def look(self) -> list[WorkerStatus]:
        """Every worker this engine has, running or ended and not yet removed."""

    @abstractmethod
    def stop(self, worker: str) -> None:
        """Ask a worker to end: SIGTERM to it, SIGKILL to all it started after its grace."""

    @abstractmethod
    def kill(self, worker: str) -> None:
        """End a worker and all it started at once."""

    @abstractmethod
    def remove(self, worker: str) -> None:
        """Forget an ended worker and delete what the engine keeps of it. Unknown ids pass."""

    @abstractmethod
    def log(
        self, worker: str, *, after: str | None = None, follow: bool = False
    ) -> AsyncIterator[LogRecord]:
        """The worker's output after a cursor; with `follow`, on until the worker has ended."""

    @abstractmethod
    def events(self, worker: str, offset: int) -> tuple[list[bytes], int]:
        """Whole lines of the worker's event file from `offset` on, and the next offset."""
