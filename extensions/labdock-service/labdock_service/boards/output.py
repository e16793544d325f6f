"""What a container's first process says, for as long as somebody holds the other end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

STDOUT = 1
HEADER = 8
"""Bytes before each piece: which stream it is of, and how long it is."""


class Output:
    """Notes when a process says that it is ready and when it ends; the rest goes to a log."""

    def __init__(self, held: socket.socket, log: Path) -> None:
        self._held = held
        self._log = log
        self._ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.create_task(self._read())

    async def say_ready(self) -> None:
        """Return once it is ready. Raises EOFError where it ends before."""
        if not await self._ready:
            raise EOFError

    async def close(self) -> None:
        """Let go: its input ends."""
        with contextlib.suppress(OSError):
            self._held.shutdown(socket.SHUT_RDWR)
        await self.ended

    async def _read(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._held)
        try:
            with contextlib.suppress(EOFError, OSError):
                while True:
                    header = await reader.readexactly(HEADER)
                    said = await reader.readexactly(int.from_bytes(header[4:], "big"))
                    self._sort(header[0], said)
        finally:
            writer.close()
            self._note_ready(False)

    def _sort(self, stream: int, said: bytes) -> None:
        if stream == STDOUT:
            self._note_ready(said.strip() == b"ready")
            return
        with contextlib.suppress(OSError), self._log.open("ab") as log:  # the disk may be full
            log.write(said)

    def _note_ready(self, ready: bool) -> None:
        if not self._ready.done():
            self._ready.set_result(ready)
