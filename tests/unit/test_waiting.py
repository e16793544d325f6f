"""Waiting for a wake-up."""

from __future__ import annotations

import asyncio

import pytest

from labdock_service.waiting import wait


async def test_a_wake_up_and_none() -> None:
    woken = asyncio.Event()
    assert not await wait(woken, 0.01)
    woken.set()
    assert await wait(woken, 30)


async def test_a_cancellation_counts_however_soon_the_wake_up_comes() -> None:
    for steps in range(6):
        woken = asyncio.Event()
        task = asyncio.create_task(_wait_then_go_on(woken))
        for _ in range(3):
            await asyncio.sleep(0)
        woken.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(30):
                await task


async def _wait_then_go_on(woken: asyncio.Event) -> None:
    await wait(woken, 30)
    await asyncio.Event().wait()
