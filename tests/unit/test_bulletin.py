"""Those who follow events are woken, whatever became of the first look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from tests.support.stores import ada, sqlite_url

from labdock_service.api.bulletin import Bulletin
from labdock_service.api.wakeups import Wakeups
from labdock_service.store import Store, events

LIMIT = 90.0


class LockedAtFirst(Store):
    """A database that cannot be read once."""

    locked = True

    @contextmanager
    def read(self) -> Iterator[Session]:
        if self.locked:
            self.locked = False
            raise OperationalError("SELECT", {}, Exception("database is locked"))
        with super().read() as session:
            yield session


async def test_a_database_that_is_locked_at_the_start_silences_nobody(tmp_path: Path) -> None:
    store, wakeups = LockedAtFirst(sqlite_url(tmp_path)), Wakeups(tmp_path / "pipe")
    store.upgrade()
    with store.write() as session:
        person, project = ada(session)
        events.add(session, project.id, person.name, "job.created")
    bulletin = Bulletin(store, wakeups)
    running = asyncio.create_task(bulletin.run())
    with bulletin.following([project.id], None) as woken:
        async with asyncio.timeout(LIMIT):
            while not woken.is_set() and not running.done():
                wakeups.notify()
                await asyncio.sleep(0.02)
        assert woken.is_set() and not store.locked
    wakeups.closed = True
    wakeups.notify()
    await running
    store.close()
