"""What has changed, put together once for all who follow it: an edition."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from labdock.servingschema import Changes
from labdock_service.api.bulletin import Bulletin
from labdock_service.api.messages import message
from labdock_service.store import Store, endpoints, events, jobs
from labdock_service.store.events import Subject
from labdock_service.waiting import wait

LOG = logging.getLogger(__name__)

LOOK_ANYWAY = 30.0
PAUSE = 0.5
"""Seconds between two editions: what changes ten times meanwhile is told once."""
MOST_EVENTS = 2000
"""Who missed more than these is told to read everything again."""
MOST_UNREAD = 10
"""Editions that are kept for a slow reader, who then looks for what they missed."""


@dataclass(frozen=True)
class Telling:
    """A message of the stream, and the last event that it tells of."""

    message: bytes
    at: int

    @classmethod
    def of(cls, changes: Changes) -> Telling:
        """The message that says so."""
        return cls(message("changes", changes, changes.at), changes.at)


@dataclass(frozen=True)
class Edition:
    """What happened in all projects that were followed, and the things as they are now."""

    projects: frozenset[str]
    subjects: list[Subject]
    now: Changes
    _tellings: dict[tuple[frozenset[str], int], Telling | None] = field(default_factory=dict)

    def told(self, projects: frozenset[str], after: int) -> Telling | None:
        """What it tells of these projects that is newer; made once for all who may see the same."""
        heard = frozenset(one.project for one in self.subjects) & projects
        key = heard, max(after, self.subjects[0].event - 1) if self.subjects else after
        if key not in self._tellings:
            self._tellings[key] = self._of(heard, after)
        return self._tellings[key]

    def _of(self, projects: Collection[str], after: int) -> Telling | None:
        mine = [one for one in self.subjects if one.project in projects and one.event > after]
        return Telling.of(_part(self.now, mine)) if mine else None


def _part(now: Changes, subjects: list[Subject]) -> Changes:
    """As much of it as these events were about."""
    about_jobs = {one.job for one in subjects}
    about_endpoints = {one.endpoint for one in subjects}
    return Changes(
        at=subjects[-1].event,
        jobs=[job for job in now.jobs if job.id in about_jobs],
        endpoints=[endpoint for endpoint in now.endpoints if endpoint.id in about_endpoints],
        deleted_endpoints=[one for one in now.deleted_endpoints if one in about_endpoints],
    )


def _now(session: Session, subjects: list[Subject], after: int) -> Changes:
    about = {one.endpoint for one in subjects if one.endpoint}
    there, deleted = endpoints.with_ids(session, about)
    return Changes(
        at=subjects[-1].event if subjects else after,
        jobs=jobs.with_ids(session, {one.job for one in subjects if one.job}),
        endpoints=there,
        deleted_endpoints=deleted,
    )


class _Reader:
    """One who follows some projects; at first they have to look for themselves."""

    def __init__(self, projects: frozenset[str]) -> None:
        self.projects = projects
        self._unread: list[Edition] = []
        self._behind = True
        self._woken = asyncio.Event()
        self._woken.set()

    async def take(self) -> list[Edition] | None:
        """The editions since the last time; None where they do not tell everything."""
        await self._woken.wait()
        self._woken.clear()
        taken, behind = self._unread, self._behind
        self._unread, self._behind = [], False
        return None if behind else taken

    def hand(self, edition: Edition | None) -> None:
        """Give them an edition, or tell them that there is none of what happened."""
        if edition is None or not self.projects <= edition.projects:
            self._behind = True
        elif not any(one.project in self.projects for one in edition.subjects):
            return
        elif len(self._unread) == MOST_UNREAD:
            self._behind = True
        else:
            self._unread.append(edition)
        self._woken.set()


class Editions:
    """Looks what has changed once for all who follow, however many they are."""

    def __init__(self, store: Store, bulletin: Bulletin) -> None:
        self._store = store
        self._bulletin = bulletin
        self._readers: set[_Reader] = set()
        self._until = 0

    async def run(self) -> None:
        """Make an edition whenever there is news, until the task is cancelled."""
        with self._bulletin.following(None, None) as woken:
            while True:
                woken.clear()
                await self.publish()
                await asyncio.sleep(PAUSE)
                await wait(woken, LOOK_ANYWAY)

    async def publish(self) -> None:
        """Look what is new, and hand it to all who follow."""
        projects = frozenset(one for reader in self._readers for one in reader.projects)
        try:
            edition = await run_in_threadpool(self._make, projects)
        except Exception:
            LOG.exception("What has changed could not be looked up: everybody looks")
            edition = None
        for reader in self._readers:
            reader.hand(edition)

    async def follow(self, projects: frozenset[str], after: int | None) -> AsyncIterator[bytes]:
        """Messages of what changes in these projects after an event."""
        with self._reading(projects) as reader:
            while True:
                editions = await reader.take()
                if after is None or editions is None:
                    found = await run_in_threadpool(self.look, projects, after)
                    tellings = [Telling.of(found)] if found.at != after else []
                else:
                    told = [edition.told(projects, after) for edition in editions]
                    tellings = [telling for telling in told if telling]
                for telling in tellings:
                    yield telling.message
                    after = telling.at

    def look(self, projects: Collection[str], after: int | None) -> Changes:
        """What has changed in these projects after an event, as it is now."""
        with self._store.read() as session:
            last = events.last(session)
            if after is None or after > last:
                return Changes(at=last, everything=True)
            found = events.subjects(session, projects, after, MOST_EVENTS + 1)
            if len(found) > MOST_EVENTS:
                return Changes(at=last, everything=True)
            return _now(session, found, after)

    @contextmanager
    def _reading(self, projects: frozenset[str]) -> Iterator[_Reader]:
        reader = _Reader(projects)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def _make(self, projects: frozenset[str]) -> Edition | None:
        with self._store.read() as session:
            since, self._until = self._until, events.last(session)
            found = events.subjects(session, projects, since, MOST_EVENTS + 1)
            if len(found) > MOST_EVENTS:
                return None
            now = _now(session, found, since)
        self._until = max(self._until, now.at)
        return Edition(projects, found, now)
