"""What the API is made of, put together once by `app` and handed to every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy.orm import Session

from labdock_service.api.bulletin import Bulletin
from labdock_service.api.diskuse import DiskUse
from labdock_service.api.editions import Editions
from labdock_service.api.people import People
from labdock_service.api.wakeups import Wakeups
from labdock_service.engines.base import Engine
from labdock_service.login import Login
from labdock_service.sealing import Seal
from labdock_service.settings import Settings
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store
from labdock_service.wakeup import wake

READERS = 8
"""Requests that hold a connection at once; the database's pool has 15."""


@dataclass(frozen=True)
class Parts:
    """The service's parts. `writing` lets one request at a time wait for the database.

    `reading` lets so few hold a connection that there are always more: who holds one needs a
    thread now and then, and all threads could wait for a connection.
    """

    settings: Settings
    store: Store
    engine: Engine
    login: Login
    people: People
    wakeups: Wakeups
    bulletin: Bulletin
    editions: Editions
    disk: DiskUse = field(default_factory=DiskUse)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))

    @property
    def state(self) -> StateFolder:
        """The state folder."""
        return self.settings.state

    @property
    def seal(self) -> Seal:
        """What secrets are sealed with."""
        return Seal(self.state.secret_keys)


def get_parts(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(get_parts)]


async def _reading(parts: PartsOf) -> AsyncIterator[Session]:
    async with parts.reading, contextmanager_in_threadpool(parts.store.read()) as session:
        yield session


async def writing(parts: PartsOf) -> AsyncIterator[Session]:
    """A session for one write; then the reconciler is woken."""
    async with parts.writing, contextmanager_in_threadpool(parts.store.write()) as session:
        yield session
    parts.wakeups.notify()
    wake(parts.state.run / "reconciler.pipe")


Reading = Annotated[Session, Depends(_reading, scope="function")]
"""A session for one read, closed before the answer is sent."""

Writing = Annotated[Session, Depends(writing, scope="function")]
"""A session for one write, committed before the answer is sent; then the reconciler is woken."""
