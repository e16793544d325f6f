"""Starting a supervisor and handing it its order."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import labdock_service
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.errors import EngineFailed

ANSWER_SECONDS = 60.0
"""How long a supervisor may take to answer on a machine that is very busy."""

_PROGRAM = """\
import sys
sys.path.append(sys.argv[1])
from labdock_service.engines.supervisor import main
main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a supervisor is told. `environment` and `masked` hold secrets, so they are not shown."""

    argv: list[str]
    environment: dict[str, str] = field(repr=False)
    masked: tuple[bytes, ...] = field(repr=False)
    """What the log has `***` for."""
    work: str
    cpus: list[int]
    memory: int
    grace: float
    wake: str
    copied: str = ""
    """A folder of the image that the worker gets a copy of, to work in."""
    walled: bool = False
    """Whether the kernel holds the worker to its memory too, with all else in its container."""

    def packed(self) -> bytes:
        """As bytes that any Python reads."""
        return marshal.dumps(vars(self), 2)


def launch(folder: WorkerFolder, lock: int, order: Order, log: Path) -> Iterator[dict[str, Any]]:
    """Start a supervisor that holds the lock; yields who it is, then its worker.

    It waits for its order until the first yield was taken, so a caller that could not note
    the supervisor, and stops here, leaves nothing running.
    """
    with _start_supervisor(folder, lock, log) as process:
        assert process.stdin is not None and process.stdout is not None
        stdout = process.stdout.fileno()
        answers = Answers(stdout, lambda: os.read(stdout, 4096))
        yield {"supervisor": int(answers.expect("supervisor"))}
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(order.packed())
            process.stdin.close()
        yield {"pid": int(answers.expect("pid"))}


def _start_supervisor(folder: WorkerFolder, lock: int, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    control = os.open(folder.control, os.O_RDWR | os.O_NONBLOCK)
    package = str(Path(labdock_service.__file__).parents[1])
    arguments = [package, str(folder.path), str(lock), str(control)]
    try:
        with log.open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(lock, control),
                start_new_session=True,
                cwd="/",
                env=_KEPT,
            )
    finally:
        os.close(control)


_KEPT = {"LC_ALL": "C.UTF-8"} | {
    name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ
}


class Answers:
    """The supervisor's answers, one a line, from a pipe or a socket that may be waited for."""

    def __init__(self, stream: int, receive: Callable[[], bytes]) -> None:
        self._stream = stream
        self._receive = receive
        self._waiting = b""
        self._deadline = time.monotonic() + ANSWER_SECONDS

    def expect(self, word: str) -> str:
        """The rest of the next line, which begins with this word. Raises EngineFailed."""
        while b"\n" not in self._waiting:
            self._read_more()
        line, self._waiting = self._waiting.split(b"\n", 1)
        found, _, rest = line.decode().partition(" ")
        if found != word:
            raise EngineFailed(f"The program of the worker could not be started: {rest}.")
        return rest

    def _read_more(self) -> None:
        left = self._deadline - time.monotonic()
        if not select.select([self._stream], [], [], max(0.0, left))[0]:
            raise EngineFailed("The worker's supervisor did not answer in time; try again.")
        block = self._receive()
        if not block:
            raise EngineFailed("The worker's supervisor ended before its worker began; try again.")
        self._waiting += block
