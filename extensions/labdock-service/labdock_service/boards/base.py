"""What a TensorBoard is to the gate, whatever it runs in."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labdock_service.statefolder import StateFolder

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """Which TensorBoard: a project's logs under a path. `path` has no slash at its end."""

    project_id: str
    path: str


class Board(ABC):
    """One TensorBoard that answers, how to reach it, and when somebody last did."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.touch()

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it runs, as far as is known."""

    @abstractmethod
    async def wait(self) -> None:
        """Return once it has ended."""

    @abstractmethod
    async def end(self) -> None:
        """End it, where it has not ended yet, and remove what is left of it."""

    def touch(self) -> None:
        """Note that somebody uses it."""
        self._last_used = asyncio.get_running_loop().time()

    async def outlive_use(self, idle: float) -> None:
        """Return when nobody has used it for that long, or it ended."""
        loop = asyncio.get_running_loop()
        while self.alive and (left := self._last_used + idle - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.wait()


class BoardDriver(ABC):
    """Starts TensorBoards, which look at their files every `reload_seconds`."""

    def __init__(self, state: StateFolder, reload_seconds: float) -> None:
        self._state = state
        self._reload_seconds = reload_seconds

    @abstractmethod
    async def start(self, spec: BoardSpec) -> Board:
        """A project's TensorBoard, once it answers; it ends when this process ends.

        Raises EOFError where it ends at once, and EngineFailed where it cannot even be started.
        Then, and where this is cancelled, nothing of it is left.
        """

    def _flags(self, spec: BoardSpec) -> list[str]:
        return [f"--path_prefix={spec.path}", f"--reload_interval={self._reload_seconds}"]
