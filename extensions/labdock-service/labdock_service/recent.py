"""Answers that are kept for some seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Answers that are kept for some seconds; who asks meanwhile shares one question."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[_Key, tuple[float, asyncio.Task[_Value]]] = {}

    async def get(self, key: _Key, ask: Callable[[], Awaitable[_Value]]) -> _Value:
        """The kept answer, or a new one."""
        now = monotonic()
        until, task = self._answers.get(key, (0.0, None))
        if task is None or until < now or _failed(task):
            self._forget(now)
            task = asyncio.ensure_future(_await(ask))
            self._answers[key] = (now + self._seconds, task)
        return await asyncio.shield(task)

    def clear(self) -> None:
        """Forget all of them."""
        self._answers.clear()

    def _forget(self, now: float) -> None:
        old = [key for key, (until, _) in self._answers.items() if until < now]
        for key in old:
            del self._answers[key]


async def _await(ask: Callable[[], Awaitable[_Value]]) -> _Value:
    return await ask()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
