"""Tells the open streams that something was written, so that none of them has to poll."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labdock_service.wakeup import drain, open_pipe


class Wakeups:
    """Wakes every listener when the reconciler writes to the pipe, or this process says so."""

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe
        self._descriptor: int | None = None
        self._listeners: set[asyncio.Event] = set()
        self.closed = False

    def open(self) -> None:
        """Begin to read the pipe, on the running loop."""
        self._descriptor = open_pipe(self._pipe)
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_pipe, self._descriptor)

    def close(self) -> None:
        """Read no more, and let every listener end."""
        self.closed = True
        self.notify()
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def notify(self) -> None:
        """Wake every listener."""
        for listener in self._listeners:
            listener.set()

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set at every wake-up; who waits clears it first."""
        listener = asyncio.Event()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _on_pipe(self, descriptor: int) -> None:
        drain(descriptor)
        self.notify()
