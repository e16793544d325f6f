"""What a list costs: as many queries for many rows as for few, and nothing long unasked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from tests.support.stores import ada, every_project, make_snapshot, sqlite_url, upgraded

from labdock.schema import JobRequest, Requirements, Resources, Source
from labdock_service.ids import new_id
from labdock_service.sealing import Seal
from labdock_service.store import (
    Store,
    endpoints,
    events,
    grids,
    jobs,
    models,
    notify,
    secrets,
    snapshots,
)

LISTS: dict[str, Callable[[Session, Collection[str]], list[Any]]] = {
    "jobs": jobs.listed,
    "grids": grids.listed,
    "models": models.listed,
    "endpoints": endpoints.listed,
    "secrets": secrets.listed,
    "events": lambda session, projects: events.after(session, projects, 0),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = upgraded(sqlite_url(tmp_path))
    yield made
    made.close()


def fill(store: Store, keys: Path, number: int) -> None:
    """One more of each thing, all of which belong to a snapshot of their own."""
    digest = f"sha256:{number:064d}"
    source = Source(digest=digest, entry="train.py", files=[], requirements=Requirements())
    with store.write() as session:
        person, project = ada(session)
        snapshot = make_snapshot(session, source)
        snapshot.lock = "long"
        session.refresh(snapshot, ["project"])
        job = jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))
        session.refresh(job, ["project"])
        points = [JobRequest(snapshot=snapshot.id) for _ in range(2)]
        grids.create(session, snapshot, person, "grid", {"a": [1, 2]}, points)
        made: dict[str, Any] = {"name": "m", "digest": digest, "size": 1, "signature": {}}
        model = models.create(session, new_id("m"), job, **made, metrics={})
        endpoint = endpoints.ensure(session, project, f"digits-{number}", person)
        endpoints.deploy(session, endpoint, model, Resources(), "ada")
        secrets.put(session, Seal(keys), project, f"KEY_{number}", "value", person)


@contextlib.contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    found: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        del connection, cursor, more
        found.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)


def asked(store: Store, listed: Callable[[Session, Collection[str]], list[Any]]) -> list[str]:
    with store.read() as session:
        projects = every_project(session)
        with statements(session) as found:
            assert listed(session, projects)
    return found


def test_a_list_takes_no_more_queries_for_more_rows(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path / "keys", 0)
    few = {name: len(asked(store, listed)) for name, listed in LISTS.items()}
    for number in range(1, 8):
        fill(store, tmp_path / "keys", number)
    assert {name: len(asked(store, listed)) for name, listed in LISTS.items()} == few


@pytest.mark.parametrize("name", LISTS)
def test_a_list_leaves_the_locks_where_they_are(store: Store, tmp_path: Path, name: str) -> None:
    fill(store, tmp_path / "keys", 0)
    assert not [one for one in asked(store, LISTS[name]) if "snapshots" in one and ".lock" in one]
    with store.read() as session:
        [job, *_] = jobs.listed(session, every_project(session))
        row = snapshots.find(session, job.snapshot)
        assert row and snapshots.view(row).lock == ["long"]


def test_who_has_much_to_be_told_of_hides_nobody(store: Store) -> None:
    with store.write() as session:
        snapshot = make_snapshot(session)
        job = jobs.create(session, snapshot, ada(session)[0], JobRequest(snapshot=snapshot.id))
        for number in range(300):
            notify.put(session, job, notify.HOOK, {"number": number}, float(number))
        notify.put(session, job, notify.MAIL, {}, 300.0)
        session.flush()
        due = notify.due(session, 1000.0)
    assert [(row.channel, row.message) for row in due] == [
        (notify.HOOK, {"number": 0}),
        (notify.MAIL, {}),
    ]
