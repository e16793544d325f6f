"""The door carries connections both ways, and closes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.support.deployment import free_port

from labdock_service.door import serve

HERE = "127.0.0.1"


@contextlib.asynccontextmanager
async def opened(target: int) -> AsyncIterator[int]:
    port = free_port()
    serving = asyncio.create_task(serve((HERE, port), (HERE, target)))
    await asyncio.sleep(0)
    try:
        yield port
    finally:
        serving.cancel()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(600):
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(HERE, port)
        await asyncio.sleep(0.1)
    raise AssertionError("the door did not open")


async def test_what_goes_in_comes_back() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    target = free_port()
    async with await asyncio.start_server(shout, HERE, target), opened(target) as port:
        reader, writer = await connect(port)
        writer.write(b"hello " * 100_000)
        writer.write_eof()
        assert await reader.read() == b"HELLO " * 100_000


@pytest.mark.timeout(120)
async def test_a_target_that_is_away_closes_the_connection() -> None:
    async with opened(free_port()) as port:
        reader, _ = await connect(port)
        assert await reader.read() == b""
