"""Waiting for something to come true on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SECONDS = 120.0


async def until(found: Callable[[], object]) -> None:
    """Look again and again; an AssertionError after so long."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while not found():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true"
        await asyncio.sleep(0.02)
