"""TensorBoards in containers: what a job put among its curves leads nowhere, and reaches nobody.

A container sees the curves of one project, read-only, and has no network. The gate reaches it
at a Unix socket, and it lives for as long as the gate holds its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.types import LogConfig, Mount

import labdock_service
from labdock_service.boards.base import Board, BoardDriver, BoardSpec
from labdock_service.boards.output import Output
from labdock_service.confinement import CONFINED, account
from labdock_service.engines.containers import OWN_CODE, give_away
from labdock_service.engines.dockerd import BOARD, Dockerd
from labdock_service.errors import EngineAway, EngineFailed, ImageGone, Unavailable
from labdock_service.folders import delete_folder
from labdock_service.packaging.environments import board_image
from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    import aiohttp

LOG = logging.getLogger(__name__)

INSIDE = Path("/opt/labdock/boards")
"""Where a container finds the curves, laid out as in the state folder, and its socket's folder."""

SOCKET = "socket"
MEMORY = 2 * 2**30
PROCESSES = 256
"""Processes and threads: each request that is being answered has one."""

MISSING = "TensorBoard's image is gone: an admin can `labdock images build tensorboard`."

_PROGRAM = f"""\
import sys
sys.path.append("{OWN_CODE}")
from labdock_service.boards.server import serve_while_held
serve_while_held(sys.argv[1], sys.argv[2:])
"""


@dataclass(frozen=True)
class Launched:
    """A container that begins."""

    name: str
    folder: Path
    """Its socket's."""
    held: socket.socket
    """The other end of its input and output."""


class ContainerBoard(Board):
    """A TensorBoard's container."""

    def __init__(
        self, session: aiohttp.ClientSession, output: Output, left: contextlib.ExitStack
    ) -> None:
        super().__init__(session)
        self._output = output
        self._left = left
        """What is to be removed, once."""

    @property
    def alive(self) -> bool:
        """Whether its output goes on."""
        return not self._output.ended.done()

    async def wait(self) -> None:
        """Return once its output has ended."""
        await asyncio.shield(self._output.ended)

    async def end(self) -> None:
        """End the container, where it has not ended yet."""
        await self.session.close()
        await self._output.close()
        await asyncio.to_thread(self._left.close)


class ContainerBoards(BoardDriver):
    """Each in a container that ends when this process does."""

    def __init__(
        self, state: StateFolder, reload_seconds: float, open_dockerd: Callable[[], Dockerd]
    ) -> None:
        super().__init__(StateFolder(state.root.resolve()), reload_seconds)
        self._open_dockerd = open_dockerd
        self._opening = asyncio.Lock()
        self._opened: Dockerd | None = None

    async def start(self, spec: BoardSpec) -> Board:
        """A project's TensorBoard, once it answers.

        Raises EOFError where it ends at once, EngineAway where Docker does not answer, and
        Unavailable where there is no image.
        """
        dockerd = await self._open()
        launching = asyncio.create_task(asyncio.to_thread(self._launch, dockerd, spec))
        try:
            launched = await asyncio.shield(launching)
        except asyncio.CancelledError:
            with contextlib.suppress(EOFError, EngineFailed, Unavailable):
                await asyncio.to_thread(_remove, dockerd, await launching)
            raise
        return await self._reach(dockerd, launched)

    async def _open(self) -> Dockerd:
        """Docker, where nothing of an older gate is left."""
        async with self._opening:
            if self._opened is None:
                dockerd = self._open_dockerd()
                await asyncio.to_thread(self._remove_leftovers, dockerd)
                self._opened = dockerd
        return self._opened

    def _remove_leftovers(self, dockerd: Dockerd) -> None:
        dockerd.remove_labelled(BOARD)
        for folder in (self._state.run / "boards").glob("board-*"):
            delete_folder(folder)

    def _launch(self, dockerd: Dockerd, spec: BoardSpec) -> Launched:
        name = f"board-{spec.project_id}-{secrets.token_hex(4)}"
        folder = self._lay_out(name, spec)
        try:
            image = board_image(self._state)
            if image is None:
                raise Unavailable(MISSING)
            dockerd.ensure_image(image)
            container = dockerd.create_container(name, **self._options(spec, image, folder))
            return Launched(name, folder, dockerd.start_held(container))
        except (EngineFailed, Unavailable) as error:
            _remove_all(dockerd, name, folder)
            raise _explained(error) from error

    async def _reach(self, dockerd: Dockerd, launched: Launched) -> Board:
        from labdock_service.forward import open_session  # 10 MB that an idle gate can do without

        output = Output(launched.held, self._state.logs / "tensorboard.log")
        try:
            await output.say_ready()
            place = _pin(launched.folder / SOCKET)
        except BaseException:
            await output.close()
            await asyncio.to_thread(_remove, dockerd, launched)
            raise
        left = contextlib.ExitStack()
        left.callback(_remove, dockerd, launched)
        left.callback(os.close, place)
        return ContainerBoard(open_session(socket=f"/proc/self/fd/{place}"), output, left)

    def _lay_out(self, name: str, spec: BoardSpec) -> Path:
        folder = self._state.run / "boards" / name
        for each in (self._state.logs, *self._shown(spec), folder.parent):
            each.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        give_away([folder])
        return folder

    def _shown(self, spec: BoardSpec) -> list[Path]:
        return [place / spec.project_id for place in (self._state.tensorboard, self._state.curves)]

    def _options(self, spec: BoardSpec, image: str, folder: Path) -> dict[str, Any]:
        own = Path(labdock_service.__file__).parent
        shown = {INSIDE / place.relative_to(self._state.root): place for place in self._shown(spec)}
        logs, curves = shown
        return {
            "image": image,
            "entrypoint": ["python", "-I", "-c", _PROGRAM],
            "command": [str(INSIDE / "run" / SOCKET), str(curves), *self._flags(spec)],
            "working_dir": str(logs),
            "user": ":".join(map(str, account())),
            "stdin_open": True,
            "auto_remove": True,
            "network_mode": "none",
            "labels": {BOARD: spec.project_id},
            "mounts": [
                *(_mount(at, place, read_only=True) for at, place in shown.items()),
                _mount(OWN_CODE / own.name, own, read_only=True),
                _mount(INSIDE / "run", folder, read_only=False),
            ],
            "environment": {"HOME": "/tmp"},
            **CONFINED,
            "tmpfs": {"/tmp": "mode=1777"},
            "pids_limit": PROCESSES,
            "mem_limit": MEMORY,
            "memswap_limit": MEMORY,
            "log_config": LogConfig(type=LogConfig.types.NONE),
        }


def _pin(place: Path) -> int:
    """A descriptor of the very socket: a link that is put in its place later leads nowhere."""
    try:
        descriptor = os.open(place, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise EOFError from None
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise EOFError


def _remove(dockerd: Dockerd, launched: Launched) -> None:
    launched.held.close()
    _remove_all(dockerd, launched.name, launched.folder)


def _remove_all(dockerd: Dockerd, name: str, folder: Path) -> None:
    """Remove what Docker has of it, which it does by itself where it does not answer now."""
    with contextlib.suppress(EngineFailed):
        dockerd.remove_container(name)
    delete_folder(folder)


def _explained(error: EngineFailed | Unavailable) -> Exception:
    if isinstance(error, ImageGone):
        return Unavailable(MISSING)
    if isinstance(error, EngineAway | Unavailable):
        return error
    LOG.error("%s", error)
    return EOFError()


def _mount(at: Path, source: Path, *, read_only: bool) -> Mount:
    return Mount(str(at), str(source), type="bind", read_only=read_only)
