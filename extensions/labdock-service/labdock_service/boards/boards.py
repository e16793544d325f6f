"""The TensorBoards that run now: started on demand, ended when idle, made anew when they died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.errors import Unavailable
from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    import aiohttp

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "labdock_service.boards.process")
START_SECONDS = 60.0
END_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """Which TensorBoard: a project's logs under a path. `path` has no slash at its end."""

    project_id: str
    path: str


class Board:
    """One TensorBoard's process, how to reach it, and when somebody last did."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.session = session
        self.touch()

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.returncode is None

    def touch(self) -> None:
        """Note that somebody uses it."""
        self._last_used = asyncio.get_running_loop().time()

    async def outlive_use(self, idle: float) -> None:
        """Return when nobody has used it for that long, or it ended."""
        loop = asyncio.get_running_loop()
        while self.alive and (left := self._last_used + idle - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.process.wait()

    async def end(self) -> None:
        """End the process, where it has not ended yet."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self.session.close()


class Boards:
    """One TensorBoard a project."""

    def __init__(
        self,
        state: StateFolder,
        *,
        reload_seconds: float,
        idle_seconds: float,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._state = state
        self._reload_seconds = reload_seconds
        self._idle_seconds = idle_seconds
        self._command = command
        self._sockets = _open_folder(state.run / "boards")
        self._starting: dict[str, asyncio.Task[Board]] = {}
        self._watching: set[asyncio.Task[None]] = set()

    def get(self, spec: BoardSpec) -> asyncio.Task[Board]:
        """The project's TensorBoard, started where none runs; done once it answers.

        The task fails with Unavailable where it could not be started.
        """
        task = self._starting.get(spec.project_id)
        if task is None or (task.done() and not _is_alive(task)):
            task = asyncio.create_task(self._start(spec))
            self._starting[spec.project_id] = task
        return task

    async def close(self) -> None:
        """End all of them."""
        for task in list(self._starting.values()):
            task.cancel()
        for watch in list(self._watching):
            watch.cancel()
        tasks = (*self._starting.values(), *self._watching)
        await asyncio.gather(*tasks, return_exceptions=True)
        os.close(self._sockets)

    async def _start(self, spec: BoardSpec) -> Board:
        from labdock_service.forward import open_session  # 10 MB that an idle gate can do without

        address = f"/proc/self/fd/{self._sockets}/{spec.project_id}"
        process = await self._launch(spec, address)
        board = Board(process, open_session(socket=address))
        try:
            async with asyncio.timeout(START_SECONDS):
                await _say_ready(process)
        except BaseException as error:
            await board.end()
            if isinstance(error, TimeoutError | EOFError):
                LOG.error("The TensorBoard of %s did not start.", spec.project_id)
                raise Unavailable("TensorBoard does not start: ask an admin.") from None
            raise
        board.touch()
        watch = asyncio.create_task(self._watch(spec.project_id, board))
        self._watching.add(watch)
        watch.add_done_callback(self._watching.discard)
        return board

    async def _launch(self, spec: BoardSpec, address: str) -> asyncio.subprocess.Process:
        logs = self._state.tensorboard / spec.project_id
        for folder in (logs, self._state.logs):
            folder.mkdir(parents=True, exist_ok=True)
        with (
            _listen(address) as listener,
            (self._state.logs / "tensorboard.log").open("ab") as log,
        ):
            return await asyncio.create_subprocess_exec(
                *self._command,
                *("--logdir=.", f"--path_prefix={spec.path}"),  # it tells people its logdir
                *(f"--reload_interval={self._reload_seconds}", "--load_fast=false"),
                stdin=listener.fileno(),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=logs,
            )

    async def _watch(self, project_id: str, board: Board) -> None:
        """End the board when nobody uses it; forget it when it is gone."""
        try:
            await board.outlive_use(self._idle_seconds)
        finally:
            task = self._starting.get(project_id)
            if task is not None and _gave(task, board):
                del self._starting[project_id]
            await board.end()


def _is_alive(task: asyncio.Task[Board]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result().alive


def _gave(task: asyncio.Task[Board], board: Board) -> bool:
    return task.done() and not task.cancelled() and not task.exception() and task.result() is board


async def _say_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None, "its output is a pipe"
    while line := await process.stdout.readline():
        if line.strip() == b"ready":
            return
    raise EOFError


def _open_folder(folder: Path) -> int:
    """A folder for sockets, of this user only.

    A descriptor of it keeps their addresses short: Linux takes 107 bytes, however deep the
    state folder lies.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _listen(address: str) -> socket.socket:
    Path(address).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    return listener
