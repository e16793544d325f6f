"""TensorBoards as processes of this account, each on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.boards.base import Board, BoardDriver, BoardSpec
from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    import aiohttp

COMMAND = (sys.executable, "-m", "labdock_service.boards.server")
END_SECONDS = 5.0


class ProcessBoard(Board):
    """A TensorBoard's process."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        super().__init__(session)
        self.process = process

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.returncode is None

    async def wait(self) -> None:
        """Return once its process has ended."""
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


class ProcessBoards(BoardDriver):
    """Each in a process that dies with this one."""

    def __init__(
        self, state: StateFolder, reload_seconds: float, command: Sequence[str] = COMMAND
    ) -> None:
        super().__init__(state, reload_seconds)
        self._command = command
        self._sockets = _open_folder(state.run / "boards")

    async def start(self, spec: BoardSpec) -> Board:
        """A project's TensorBoard, once it answers. Raises EOFError where it ends at once."""
        from labdock_service.forward import open_session  # 10 MB that an idle gate can do without

        address = f"/proc/self/fd/{self._sockets}/{spec.project_id}"
        process = await self._launch(spec, address)
        board = ProcessBoard(process, open_session(socket=address))
        try:
            await _say_ready(process)
        except BaseException:
            await board.end()
            raise
        return board

    async def _launch(self, spec: BoardSpec, address: str) -> asyncio.subprocess.Process:
        logs, curves = (
            folder / spec.project_id for folder in (self._state.tensorboard, self._state.curves)
        )
        for folder in (logs, self._state.logs):
            folder.mkdir(parents=True, exist_ok=True)
        with (
            _listen(address) as listener,
            (self._state.logs / "tensorboard.log").open("ab") as log,
        ):
            return await asyncio.create_subprocess_exec(
                *(*self._command, str(curves.absolute()), *self._flags(spec)),
                stdin=listener.fileno(),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=logs,
            )


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
