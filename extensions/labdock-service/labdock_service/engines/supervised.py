"""Engines whose workers each have a supervisor and a folder on this machine.

The supervisor owns the worker's log and writes its end; the folder holds both, and the
lock that says whether the supervisor lives. So looking, logs and events are the same
whatever the supervisor runs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import re
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from labdock_runtime.masking import forms
from labdock_service.engines import filewatch, limits, ports, statusfile, supervisor
from labdock_service.engines.base import Engine, LogRecord, Node, WorkerSpec, WorkerStatus
from labdock_service.engines.devices import find_devices
from labdock_service.engines.launch import Order
from labdock_service.engines.logreader import LogReader
from labdock_service.engines.workerfolder import WorkerFolder, end_processes
from labdock_service.errors import EngineAway, EngineFailed, Invalid, NotFound
from labdock_service.folders import delete_folder
from labdock_service.plainfile import open_plain
from labdock_service.statefolder import StateFolder
from labdock_service.waiting import wait

LOG = logging.getLogger(__name__)
NODE = "local"
_BLOCK = 256 * 1024
_LONGEST_EVENT = 8 * 2**20
_NODE_SECONDS = 60.0
"""How long what nvidia-smi said is kept: it takes up to a second."""
_LOOK_AGAIN_SECONDS = 2.0
"""How soon a follower of a log notices that the supervisor vanished."""
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")


class SupervisedEngine(Engine):
    """What such engines share. `wake` is the pipe that state changes are told through."""

    def __init__(self, state: StateFolder, wake: Path | None = None) -> None:
        self._state = StateFolder(state.root.resolve())
        self._wake = wake and wake.absolute()
        self._ended: dict[str, WorkerStatus] = {}
        self._node: tuple[float, Node] | None = None

    def nodes(self) -> list[Node]:
        """This machine."""
        now = time.monotonic()
        if self._node is None or now - self._node[0] > _NODE_SECONDS:
            self._node = (now, _this_machine())
        return [self._node[1]]

    def reserve_port(self, node: str) -> str:
        """A free address of this machine, kept for who asked for two minutes."""
        del node
        return self._reserve_ports(1)[0]

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        """Start a worker: yields its work folder, its supervisor, its process id."""
        folder = self._folder(spec.id)
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with folder.held() as lock:
            if lock is None or folder.started:
                yield _present(folder)
                return
            try:
                self._prepare(folder, spec)
                yield {"work": str(folder.work(spec))}
                yield from self._launch(folder, lock, spec)
            except OSError as error:
                raise EngineFailed(_explain(error)) from error

    def look(self) -> list[WorkerStatus]:
        """Every worker that was started here, by whichever process."""
        found = [self._look_at(name) for name in self._worker_names()]
        self._ended = {worker.id: worker for worker in found if worker and worker.state == "ended"}
        return [worker for worker in found if worker is not None]

    def stop(self, worker: str) -> None:
        """SIGTERM to the worker; to all that is left SIGKILL after its grace."""
        self._folder(worker).tell(supervisor.STOP)

    def kill(self, worker: str) -> None:
        """SIGKILL to the worker and all it started."""
        self._folder(worker).tell(supervisor.KILL)

    def remove(self, worker: str) -> None:
        """Delete an ended worker's folder."""
        folder = self._folder(worker)
        status = folder.status()
        if status is not None and status["state"] != "ended":
            raise EngineFailed("The worker still runs; stop it before it is removed.")
        with folder.held(wait=True) as lock:
            if lock is not None:
                delete_folder(folder.path)
                folder.spec.unlink(missing_ok=True)
        self._ended.pop(worker, None)

    async def log(
        self, worker: str, *, after: str | None = None, follow: bool = False
    ) -> AsyncIterator[LogRecord]:
        """The worker's output. Lines appear as they are written; nothing is polled."""
        folder = self._folder(worker)
        if not folder.path.is_dir():
            raise NotFound("There is no such worker any more, and so no log of it.")
        reader = LogReader(after)
        with filewatch.folder_changes(folder.path) as changed:
            while True:
                changed.clear()
                ended = await asyncio.to_thread(_has_ended, folder) or not follow
                while block := _read_block(folder.log, reader.offset, _BLOCK):
                    if (start := _end_of_hole(folder.log, reader.offset, block)) is not None:
                        reader.skip(start)
                        continue
                    for record in reader.feed(block):
                        yield record
                    await asyncio.sleep(0)
                if ended:
                    return
                await wait(changed, _LOOK_AGAIN_SECONDS)

    def events(self, worker: str, offset: int) -> tuple[list[bytes], int]:
        """Whole lines of the event file. One longer than 8 MiB is passed over."""
        block = _read_block(self._folder(worker).events, offset, _LONGEST_EVENT)
        end = block.rfind(b"\n") + 1
        if not end and len(block) == _LONGEST_EVENT:
            return [], offset + len(block)
        return block[:end].split(b"\n")[:-1], offset + end

    # Starting

    def _reserve_ports(self, count: int) -> list[str]:
        return ports.reserve(self._state.run / "reserved-ports.json", count)

    @abstractmethod
    def _launch(
        self, folder: WorkerFolder, lock: int, spec: WorkerSpec
    ) -> Iterator[dict[str, Any]]:
        """Start a supervisor that takes on the lock, and with it the worker."""

    @abstractmethod
    def _environment(self, folder: WorkerFolder, spec: WorkerSpec) -> dict[str, str]:
        """The worker's variables."""

    @abstractmethod
    def _links(self, spec: WorkerSpec) -> dict[str, Path]:
        """Where the worker finds its `links`, by their names below its home."""

    def _prepare(self, folder: WorkerFolder, spec: WorkerSpec) -> None:
        """Lay out the worker's folder; what a broken-off start left is made anew."""
        for leftover in (folder.code, folder.home, folder.temporary):
            if leftover.exists():
                delete_folder(leftover)
        folder.home.mkdir()
        folder.temporary.mkdir()
        for file in (folder.log, folder.events):
            file.touch()
        folder.control.unlink(missing_ok=True)
        os.mkfifo(folder.control, 0o600)
        for output in (*spec.outputs.values(), *spec.links.values()):
            output.mkdir(parents=True, exist_ok=True)
        for name, target in self._links(spec).items():
            link = folder.home / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target, target_is_directory=True)

    def _order(self, folder: WorkerFolder, spec: WorkerSpec) -> Order:
        """What the supervisor is told; the worker's CPUs are allotted here."""
        return Order(
            argv=list(spec.argv),
            environment=self._environment(folder, spec),
            masked=tuple(form.encode() for form in forms(spec.secrets.values())),
            work=str(folder.work(spec)),
            cpus=self._allot_cpus(folder, spec),
            memory=spec.memory,
            grace=spec.grace,
            wake=str(self._wake or ""),
        )

    def _allot_cpus(self, folder: WorkerFolder, spec: WorkerSpec) -> list[int]:
        """Choose the worker's CPUs and note them with what was asked for; one start at a time."""
        with (self._state.workers / ".cpus.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            others = (self._folder(worker.id) for worker in self.look() if worker.state != "ended")
            taken = [(other.read_spec() or {}).get("allotted", []) for other in others]
            cpus = limits.choose_cpus(os.sched_getaffinity(0), taken, spec.cpus)
            folder.write_spec(spec, cpus)
        return cpus

    # Looking

    def _end_rest(self, folder: WorkerFolder, status: dict[str, Any]) -> dict[str, Any] | None:
        """End what a supervisor that vanished left running; what the status then says."""
        return end_processes(folder, status)

    def _worker_names(self) -> list[str]:
        try:
            with os.scandir(self._state.workers) as entries:
                return sorted(entry.name for entry in entries if _ID.fullmatch(entry.name))
        except FileNotFoundError:
            return []

    def _look_at(self, name: str) -> WorkerStatus | None:
        if name in self._ended:
            return self._ended[name]
        folder = self._folder(name)
        status, spec = _status(folder), folder.read_spec()
        if status is None or spec is None:
            return None
        return WorkerStatus(
            id=name,
            state=status["state"],
            node=NODE,
            labels=spec["labels"],
            work=folder.path / spec["work"],
            started=status.get("started"),
            ended=status.get("ended"),
            exit_code=status.get("exit_code"),
            reason=status.get("reason"),
        )

    def _folder(self, worker: str) -> WorkerFolder:
        if not _ID.fullmatch(worker):
            raise Invalid("A worker's id is made of letters, digits, dots, dashes and underscores.")
        return WorkerFolder(self._state.workers / worker, self._end_rest)


@contextlib.contextmanager
def looked_at_apart(worker: str) -> Iterator[None]:
    """One worker's trouble is logged and hides no other. Raises EngineAway."""
    try:
        yield
    except EngineAway:
        raise
    except Exception:
        LOG.exception("Worker %s cannot be looked at: it is left as it was", worker)


def _status(folder: WorkerFolder) -> dict[str, Any] | None:
    """The true state, or where that cannot be found out the last that was written."""
    with looked_at_apart(folder.path.name):
        return folder.status()
    return statusfile.read(folder.path)


def _this_machine() -> Node:
    return Node(
        name=NODE, cpus=limits.count_cpus(), memory=limits.count_memory(), devices=find_devices()
    )


def _present(folder: WorkerFolder) -> dict[str, Any]:
    """The state of a worker that is there already."""
    status, spec = folder.status() or {}, folder.read_spec() or {}
    known = {"work": str(folder.path / spec.get("work", "."))} | {
        key: status.get(key) for key in ("supervisor", "pid")
    }
    return {key: value for key, value in known.items() if value is not None}


def _has_ended(folder: WorkerFolder) -> bool:
    status = folder.status()
    return status["state"] == "ended" if status else not folder.path.is_dir()


def _read_block(path: Path, offset: int, size: int) -> bytes:
    try:
        with _opened(path) as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return b""


def _opened(path: Path) -> FileIO:
    return FileIO(open_plain(path))


def _end_of_hole(path: Path, offset: int, block: bytes) -> int | None:
    """Where a file goes on after a hole at the offset, from which this block was read."""
    if not block.startswith(b"\0"):
        return None
    with _opened(path) as file, contextlib.suppress(OSError):
        start = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        return start if start > offset else None
    return None


def _explain(error: OSError) -> str:
    """A sentence without the path that the error names."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "There is no space left on the disk for the worker's folder; free some."
    return f"The worker could not be started: {error.strerror}."
