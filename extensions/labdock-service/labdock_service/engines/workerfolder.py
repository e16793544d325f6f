"""A worker's folder on this machine: its files, its lock, and the truth about its state.

The lock is held from before a worker is started until its end is written, first by the
engine that starts it and then by its supervisor. So whoever finds a worker that has not
ended and whose lock is free knows that its supervisor vanished.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labdock_service import linux
from labdock_service.engines import statusfile
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.orphans import end_orphans

_VANISHED = "its supervisor vanished"


EndRest = Callable[["WorkerFolder", dict[str, Any]], dict[str, Any] | None]
"""Ends what is left of a worker whose supervisor vanished; returns what its status has to say.

None where that cannot be told now: it is asked again at the next look."""


def end_processes(folder: WorkerFolder, status: dict[str, Any]) -> dict[str, Any]:
    """What that is for processes of this machine."""
    end_orphans(folder.events, status)
    return {"reason": _VANISHED}


@dataclass(frozen=True)
class WorkerFolder:
    """`workers/ID`, with status.json, lock, and what is named below."""

    path: Path
    end_rest: EndRest = end_processes

    @property
    def spec(self) -> Path:
        """What was asked for, without the secrets, out of the worker's own reach."""
        return self.path.with_name(f".{self.path.name}.json")

    @property
    def log(self) -> Path:
        """The worker's output, in the log format of container runtimes."""
        return self.path / "log"

    @property
    def events(self) -> Path:
        """The worker's event file."""
        return self.path / "events.jsonl"

    @property
    def control(self) -> Path:
        """The pipe that the supervisor reads wishes from."""
        return self.path / "control"

    @property
    def code(self) -> Path:
        """The worker's own copy of the code."""
        return self.path / "code"

    @property
    def home(self) -> Path:
        """The worker's HOME, so that caches are not among what it made."""
        return self.path / "home"

    @property
    def temporary(self) -> Path:
        """The worker's TMPDIR, deleted when it ends."""
        return self.path / "tmp"

    def mounted(self, spec: WorkerSpec) -> list[Path]:
        """What a container sees of it, each by itself: it can be written, and not moved away.

        A link in the place of one of them would lead the service elsewhere.
        """
        files = [self.log, self.events, self.control, self.path / "lock", self.path / "status.json"]
        return [*files, self.home, self.temporary, *([self.code] if spec.code else [])]

    def work(self, spec: WorkerSpec) -> Path:
        """The folder that the worker works in."""
        return self.path if spec.code is None else self.code

    def write_spec(self, spec: WorkerSpec, cpus: list[int]) -> None:
        """Note what was asked for, secrets left out, and the CPUs that were allotted."""
        secretless = dataclasses.replace(spec, secrets={})
        noted = asdict(secretless) | {"allotted": cpus, "work": "code" if spec.code else "."}
        with self.spec.open("w") as file:
            json.dump(noted, file, default=str)

    def read_spec(self) -> dict[str, Any] | None:
        """What was noted of the worker; None where there is none, or not yet."""
        try:
            spec: dict[str, Any] = json.loads(self.spec.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return spec

    @property
    def started(self) -> bool:
        """Whether a supervisor took the worker on; before that nothing of it has run."""
        return statusfile.read(self.path) is not None

    @property
    def locked(self) -> bool:
        """Whether an engine that starts the worker, or its supervisor, is there."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            return linux.file_is_locked(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def held(self, *, wait: bool = False) -> Iterator[int | None]:
        """Hold the lock; None where the folder is gone, or another has it and is not waited for.

        The lock belongs to the open file and not to a process (unlike POSIX's older locks),
        so a supervisor that inherits the descriptor holds on to it.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        try:
            yield descriptor if self._take(descriptor, wait) else None
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _take(self, descriptor: int, wait: bool) -> bool:
        if not linux.lock_file(descriptor, wait=wait):
            return False
        try:
            return os.path.samestat((self.path / "lock").stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def status(self) -> dict[str, Any] | None:
        """The true state: a worker whose supervisor vanished has ended, and is made to.

        None where nothing was started: no folder, or a start that was broken off before
        the worker could run.
        """
        status = statusfile.read(self.path)
        if status is None:
            return {"state": "starting"} if self.locked else statusfile.read(self.path)
        if status["state"] == "ended" or self.locked:
            return status
        return self._settle()

    def _settle(self) -> dict[str, Any] | None:
        with self.held() as lock:
            status = statusfile.read(self.path)
            if lock is None or status is None or status["state"] == "ended":
                return status
            told = self.end_rest(self, status)
            if told is None:
                return status
            status |= {"state": "ended", "ended": time.time(), **told}
            statusfile.write(self.path, status)
            return status

    def tell(self, wish: bytes) -> None:
        """Tell the supervisor; where there is none, nothing."""
        try:
            descriptor = os.open(self.control, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return
        with os.fdopen(descriptor, "wb", buffering=0) as pipe, contextlib.suppress(OSError):
            pipe.write(wish)
