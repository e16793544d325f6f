"""Waiting on an event loop, for so long at most."""

from __future__ import annotations

import asyncio
import contextlib


async def wait(woken: asyncio.Event, seconds: float) -> bool:
    """Wait for a wake-up; False when the time is over first."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for may lose a cancellation until Python 3.12
            return await woken.wait()
    return False
