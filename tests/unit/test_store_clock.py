"""What is kept with times, where a clock was set back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.support.stores import ada, make_snapshot, sqlite_url, upgraded

from labdock.schema import JobRequest
from labdock_service.store import active, clock, jobs, notify, workers
from labdock_service.store.tables import AttemptRow, JobRow, OutboxRow

NOW = 1000.0


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    store = upgraded(sqlite_url(tmp_path))
    with store.write() as made:
        yield made
    store.close()


def queued(session: Session, since: float) -> JobRow:
    snapshot = make_snapshot(session)
    row = jobs.create(session, snapshot, ada(session)[0], JobRequest(snapshot=snapshot.id))
    row.state, row.queued = "queued", since
    session.flush()
    return row


def test_what_waits_for_another_try_is_tried_once_and_not_at_once_again(session: Session) -> None:
    notify.put(session, queued(session, 0.0), notify.MAIL, {}, NOW + 3600)
    session.flush()
    clock.set_right(session, NOW)
    [row] = notify.due(session, NOW)
    row.due = NOW + 30
    session.flush()
    clock.set_right(session, NOW + 1)
    assert notify.due(session, NOW + 1) == []
    assert notify.next_due(session, NOW + 1) == NOW + 30


def test_what_is_not_due_is_not_sent_whenever_it_was_written(session: Session) -> None:
    notify.put(session, queued(session, 0.0), notify.MAIL, {}, NOW + 3600)
    assert notify.due(session, NOW) == []
    assert len(list(session.scalars(select(OutboxRow)))) == 1


def test_a_job_queues_behind_none_that_comes_later(session: Session) -> None:
    rows = [queued(session, NOW + ahead) for ahead in (3600, -600, 3500, 3550)]
    clock.set_right(session, NOW)
    rows.append(queued(session, NOW + 1))
    order = [job.id for job in active.queue(session)]
    assert order == [rows[place].id for place in (1, 2, 3, 0, 4)]


def test_outages_are_counted_whatever_time_it_was(session: Session) -> None:
    job = queued(session, NOW)
    for number, planned in enumerate((NOW - 60, NOW - 50, NOW + 60), 1):
        row = AttemptRow(job_id=job.id, number=number, planned=planned, failures={})
        row.ending = "outage"
        session.add(row)
    session.flush()
    assert workers.outages(session, job) == 3
    job.retried_after = 2
    assert workers.outages(session, job) == 1
