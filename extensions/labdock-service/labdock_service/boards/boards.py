"""The TensorBoards that run now: started on demand, ended when idle, made anew when they died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property

from labdock_service.boards.base import Board, BoardDriver, BoardSpec
from labdock_service.errors import Unavailable

LOG = logging.getLogger(__name__)
START_SECONDS = 60.0


class Boards:
    """One TensorBoard a project."""

    def __init__(self, open_driver: Callable[[], BoardDriver], *, idle_seconds: float) -> None:
        self._open_driver = open_driver
        self._idle_seconds = idle_seconds
        self._starting: dict[str, asyncio.Task[Board]] = {}
        self._watching: set[asyncio.Task[None]] = set()

    def get(self, spec: BoardSpec) -> asyncio.Task[Board]:
        """The project's TensorBoard, started where none runs; done once it answers.

        The task fails with Unavailable or EngineFailed where it could not be started.
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

    @cached_property
    def _driver(self) -> BoardDriver:
        return self._open_driver()

    async def _start(self, spec: BoardSpec) -> Board:
        try:
            async with asyncio.timeout(START_SECONDS):
                board = await self._driver.start(spec)
        except (TimeoutError, EOFError):
            LOG.error("The TensorBoard of %s did not start.", spec.project_id)
            raise Unavailable("TensorBoard does not start: ask an admin.") from None
        board.touch()
        watch = asyncio.create_task(self._watch(spec.project_id, board))
        self._watching.add(watch)
        watch.add_done_callback(self._watching.discard)
        return board

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
