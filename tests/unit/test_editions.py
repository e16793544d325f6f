"""Those who follow are told of everything that is theirs, and of nothing else."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from tests.support.api import Filled, fill, fresh_database
from tests.support.waiting import until

from labdock.sse import messages
from labdock_service.api import editions
from labdock_service.api.bulletin import Bulletin
from labdock_service.api.editions import Edition, Editions, Telling
from labdock_service.api.wakeups import Wakeups
from labdock_service.hubclient import HubUser
from labdock_service.store import Store, endpoints, events, jobs

PROJECTS = 4


class NowAndThenLocked(Editions):
    """Looks at a database that is locked, or slow, when a test says so."""

    locked = False

    def __init__(self, store: Store, bulletin: Bulletin) -> None:
        super().__init__(store, bulletin)
        self.go_on = threading.Event()
        self.go_on.set()

    def _make(self, projects: frozenset[str]) -> Edition | None:
        self.go_on.wait(60)
        if self.locked:
            self.locked = False
            raise OperationalError("SELECT", {}, Exception("database is locked"))
        return super()._make(projects)


@dataclass(frozen=True)
class Owned:
    """What is in a project."""

    project: str
    job: str
    endpoint: str


@dataclass
class Follower:
    """Reads their stream, but for when they are slow."""

    projects: frozenset[str]
    began: int
    told: list[dict[str, Any]] = field(default_factory=list)
    reads: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, made: Editions) -> None:
        async for told in made.follow(self.projects, self.began):
            (message,) = messages([told])
            self.told.append(json.loads(message.data))
            await self.reads.wait()

    @property
    def things(self) -> set[str]:
        """The ids of all that they were told of."""
        listed = [one["id"] for found in self.told for one in found["jobs"] + found["endpoints"]]
        return set(listed)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "labdock.sqlite")
        file.write_bytes(fresh_database())
        made = Store(f"sqlite:///{file}")
        yield made
        made.close()


@pytest.fixture(scope="module")
def owned(store: Store) -> list[Owned]:
    names = [f"person-{number}" for number in range(PROJECTS)]
    people = [
        HubUser(name=name, created="2026-01-01T00:00:00Z", admin=False, groups=()) for name in names
    ]
    return [_owned(store, fill(store, user)) for user in people]


def _owned(store: Store, made: Filled) -> Owned:
    with store.read() as session:
        job = jobs.find(session, made.job)
        assert job is not None
        endpoint = endpoints.find_named(session, job.project_id, made.endpoint)
        assert endpoint is not None
        return Owned(job.project_id, job.id, endpoint.id)


SOME = st.frozensets(st.integers(0, PROJECTS - 1), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happens"), st.integers(0, PROJECTS - 1), st.booleans()),
        st.tuples(st.just("publish"), st.booleans()),
        st.tuples(st.just("join"), SOME),
        st.tuples(st.just("slow"), st.integers(0, 5)),
    ),
    max_size=30,
)


class Play:
    """Steps in their order, and what should have been told after them."""

    def __init__(self, store: Store, owned: list[Owned], folder: Path) -> None:
        self.store = store
        self.owned = owned
        self.editions = NowAndThenLocked(store, Bulletin(store, Wakeups(folder / "pipe")))
        self.followers: list[Follower] = []
        self.happened: list[tuple[int, Owned, bool]] = []

    async def run(self, steps: list[tuple[Any, ...]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            following = []
            for kind, *given in [*steps, ("publish", False)]:
                if kind == "join":
                    following.append(tasks.create_task(self.join(*given)))
                else:
                    await getattr(self, kind)(*given)
                await asyncio.sleep(0)
            for follower in self.followers:
                follower.reads.set()
            for follower in self.followers:
                await until(lambda one=follower: self.knows_all(one))  # type: ignore[misc]
            for task in following:
                task.cancel()

    async def happens(self, project: int, to_job: bool) -> None:
        owned = self.owned[project]
        about: dict[str, str] = {"job": owned.job} if to_job else {"endpoint": owned.endpoint}
        with self.store.write() as session:
            events.add(session, owned.project, "reconciler", "happened", **about)  # type: ignore[arg-type]
        self.happened.append((self.last(), owned, to_job))

    async def publish(self, locked: bool) -> None:
        self.editions.locked = locked
        await self.editions.publish()

    async def join(self, projects: frozenset[int]) -> None:
        follower = Follower(frozenset(self.owned[one].project for one in projects), self.last())
        follower.reads.set()
        self.followers.append(follower)
        await follower.follow(self.editions)

    async def slow(self, number: int) -> None:
        for follower in self.followers[number : number + 1]:
            follower.reads.clear()

    def last(self) -> int:
        with self.store.read() as session:
            return events.last(session)

    def theirs(self, follower: Follower) -> list[tuple[int, Owned, bool]]:
        """What happened in their projects since they began."""
        return [
            one
            for one in self.happened
            if one[0] > follower.began and one[1].project in follower.projects
        ]

    def knows_all(self, follower: Follower) -> bool:
        theirs = self.theirs(follower)
        return not theirs or bool(follower.told and follower.told[-1]["at"] >= theirs[-1][0])


@given(steps=STEPS, most_events=st.sampled_from([3, 2000]), most_unread=st.sampled_from([1, 10]))
@settings(max_examples=60, deadline=None)
def test_everybody_is_told_of_all_that_is_theirs_and_of_nothing_else(
    store: Store, owned: list[Owned], steps: list[Any], most_events: int, most_unread: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(editions, "MOST_EVENTS", most_events)
        patch.setattr(editions, "MOST_UNREAD", most_unread)
        play = Play(store, owned, Path(folder))
        asyncio.run(play.run(steps))
    for follower in play.followers:
        check(play, follower)


def check(play: Play, follower: Follower) -> None:
    theirs = play.theirs(follower)
    due = {owned.job if to_job else owned.endpoint for _, owned, to_job in theirs}
    assert follower.things <= due
    everything = [found["at"] for found in follower.told if found["everything"]]
    read_again = max(everything, default=0)
    assert {
        owned.job if to_job else owned.endpoint
        for number, owned, to_job in theirs
        if number > read_again
    } <= follower.things
    ats = [found["at"] for found in follower.told]
    assert ats == sorted(set(ats))


async def test_a_look_is_shared_by_all_who_follow(
    store: Store, owned: list[Owned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many follow: one look, and one message for all who may see the same news."""
    play = Play(store, owned, tmp_path)
    made: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: made.append(name) or real(*given)  # type: ignore[func-returns-value]

    await play.happens(0, True)
    await play.publish(False)
    own = [frozenset({owned[0].project, owned[1 + number % 3].project}) for number in range(20)]
    crowd = [Follower(projects, play.last() - 1) for projects in own]
    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(one.follow(play.editions)) for one in crowd]
        await until(lambda: all(len(one.told) == 1 for one in crowd))
        for follower in crowd:
            follower.reads.set()
        monkeypatch.setattr(jobs, "with_ids", counted("look", jobs.with_ids))
        monkeypatch.setattr(Telling, "of", counted("message", Telling.of))
        await play.happens(0, True)
        await play.publish(False)
        await until(lambda: all(len(one.told) == 2 for one in crowd))
        for task in following:
            task.cancel()
    assert made == ["look", "message"]


async def test_who_comes_while_others_are_looked_for_misses_nothing(
    store: Store, owned: list[Owned], tmp_path: Path
) -> None:
    play = Play(store, owned, tmp_path)
    await play.happens(0, True)
    follower = Follower(frozenset({owned[0].project}), play.last() - 1)
    follower.reads.set()
    play.editions.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        published = tasks.create_task(play.publish(False))
        await asyncio.sleep(0)
        following = tasks.create_task(follower.follow(play.editions))
        await until(lambda: len(follower.told) == 1)
        await play.happens(0, False)
        play.editions.go_on.set()
        await published
        await until(lambda: len(follower.told) == 2)
        following.cancel()
    assert follower.told[1]["at"] == play.last()
