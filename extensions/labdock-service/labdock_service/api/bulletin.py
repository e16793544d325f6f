"""Wakes those who follow events: what is new is looked up once for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool

from labdock_service.api.wakeups import Wakeups
from labdock_service.store import Store, events

LOG = logging.getLogger(__name__)


class Bulletin:
    """Asks the database once at each wake-up, however many follow."""

    def __init__(self, store: Store, wakeups: Wakeups) -> None:
        self._store = store
        self._wakeups = wakeups
        self._followers: dict[asyncio.Event, tuple[frozenset[str] | None, str | None]] = {}
        self._seen = 0

    async def run(self) -> None:
        """Look at every wake-up, until the service ends."""
        await self._begin()
        with self._wakeups.listening() as woken:
            while not self._wakeups.closed:
                await woken.wait()
                woken.clear()
                await self._look()

    @contextmanager
    def following(self, projects: Iterable[str] | None, job: str | None) -> Iterator[asyncio.Event]:
        """An event that is set when there is news of these projects, or of this job in them.

        Without projects, of any.
        """
        follower = asyncio.Event()
        self._followers[follower] = (None if projects is None else frozenset(projects), job)
        try:
            yield follower
        finally:
            del self._followers[follower]

    async def _begin(self) -> None:
        try:
            self._seen = await run_in_threadpool(self._last)
        except Exception:
            LOG.exception("The last event could not be looked up: all events count as new")

    async def _look(self) -> None:
        try:
            news = await run_in_threadpool(self._news)
        except Exception:
            LOG.exception("What is new could not be looked up: everybody looks")
            self._wake(self._followers)
            return
        places = {(project, of) for _, project, job in news for of in (None, job)}
        self._seen = max([self._seen, *(number for number, _, _ in news)])
        self._wake(
            follower
            for follower, (projects, job) in self._followers.items()
            if (places if projects is None else any((one, job) in places for one in projects))
        )

    def _wake(self, followers: Iterable[asyncio.Event]) -> None:
        for follower in followers:
            follower.set()

    def _last(self) -> int:
        with self._store.read() as session:
            return events.last(session)

    def _news(self) -> list[tuple[int, str, str | None]]:
        with self._store.read() as session:
            return events.since(session, self._seen)
