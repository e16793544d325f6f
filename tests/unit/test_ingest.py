"""Event lines of workers: whatever they say, nothing breaks, and what is meant is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from tests.support.stores import ada, make_snapshot, sqlite_url, upgraded

from labdock.schema import JobRequest
from labdock_service.reconciler.ingest import (
    LONGEST_TEXT,
    LONGEST_WARNING,
    MORE_WARNINGS,
    MOST_WARNINGS,
    Ingest,
)
from labdock_service.store import Store, events, jobs
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

KINDS = [
    "started",
    "progress",
    "cell",
    "epoch",
    "fit",
    "model",
    "warning",
    "failed",
    "ended",
    "new",
]
ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Also halves of pairs, which JSON can write and UTF-8 cannot."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
COUNTS = ["epoch", "epochs", "fit", "step", "cell", "seconds_left", "metrics"]
TEXTS = ["message", "reason", "traceback", "weights"]
FIELDS = st.sampled_from(COUNTS + TEXTS)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=40))
    said = draw(st.dictionaries(FIELDS, VALUES, max_size=5))
    return json.dumps({"kind": draw(st.sampled_from(KINDS)), **said}).encode()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = upgraded(sqlite_url(tmp_path_factory.mktemp("store")))
    yield made
    made.close()


class Told:
    """A job with one worker, and what it says."""

    def __init__(self, session: Session, rank: int = 0) -> None:
        self.session = session
        self.now = 1000.0
        self.ingest = Ingest(lambda: self.now)
        snapshot = make_snapshot(session)
        person, _ = ada(session)
        self.job: JobRow = jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))
        self.attempt = AttemptRow(job_id=self.job.id, number=1, planned=0.0, failures={})
        self.worker = WorkerRow(id="w", attempt=1, rank=rank, event_offset=0)

    def say(self, *said: dict[str, Any]) -> None:
        self.take([json.dumps(one).encode() for one in said])

    def take(self, said: list[bytes]) -> None:
        self.ingest.take(self.session, self.job, self.attempt, self.worker, said)
        self.session.flush()

    def events(self, kind: str) -> list[dict[str, Any]]:
        found = events.after(self.session, {self.job.project_id}, 0, limit=10_000)
        return [event.data for event in found if event.kind == kind]


@given(st.lists(lines(), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_workers_say_the_job_can_be_shown(store: Store, said: list[bytes]) -> None:
    with store.write() as session:
        told = Told(session)
        told.take(said)
        assert_showable(told)


def assert_showable(told: Told) -> None:
    """What is kept of the job can be written by either database, and read by everybody."""
    view = jobs.view(told.session, told.job)
    told_of = [told.events(f"job.{kind}") for kind in ("warning", "epoch", "fit")]
    for kept in (view, told.attempt.failures, *told_of):
        json.dumps(msgspec.to_builtins(kept), allow_nan=False)
        msgspec.json.encode(kept)


@pytest.mark.parametrize(
    "line",
    [
        r'{"kind": "failed", "reason": "\ud800", "traceback": "a\udfff"}',
        r'{"kind": "warning", "message": "\ud800"}',
        r'{"kind": "epoch", "epoch": 1, "metrics": {"\ud800": 1.0}}',
        '{"kind": "epoch", "epoch": 1, "metrics": {"loss": 1' + "0" * 400 + "}}",
        '{"kind": "epoch", "epoch": 1, "fit": 1' + "0" * 400 + "}",
        r'{"kind": "fit", "fit": 1, "weights": "\ud800"}',
        '{"kind": "progress", "seconds_left": 1e999}',
        '{"kind": "warning", "message": ' + "[" * 100_000,
    ],
)
def test_what_json_has_and_others_refuse_is_not_kept(told: Told, line: str) -> None:
    told.take([line.encode()])
    told.job.message = told.attempt.failures.get("0", {}).get("reason", "")
    told.session.flush()
    assert_showable(told)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    store = upgraded(sqlite_url(tmp_path))
    with store.write() as session:
        yield Told(session)
    store.close()


def progress(step: int) -> dict[str, Any]:
    return {"kind": "progress", "step": step, "metrics": {"loss": 1.0}}


def test_progress_is_always_seen_and_told_now_and_then(told: Told) -> None:
    for step in range(10):
        told.say(progress(step))
        told.now += 0.25
    assert told.job.progress["step"] == 9
    assert [data["step"] for data in told.events("job.progress")] == [0, 4, 8]


def test_the_end_of_an_epoch_is_never_left_out(told: Told) -> None:
    told.say(*({"kind": "epoch", "epoch": n, "metrics": {"loss": 1 / n}} for n in (1, 2, 3)))
    assert [data["epoch"] for data in told.events("job.epoch")] == [1, 2, 3]


def test_an_epoch_that_is_run_again_is_told_once(told: Told) -> None:
    def epoch(fit: int, number: int) -> dict[str, Any]:
        return {"kind": "epoch", "fit": fit, "epoch": number, "metrics": {}}

    told.say(epoch(1, 1), epoch(1, 2), epoch(2, 1), epoch(2, 2))
    told.attempt = AttemptRow(job_id=told.job.id, number=2, planned=1.0, failures={})
    told.say(epoch(2, 2))
    told.ingest = Ingest(lambda: told.now)  # another reconciler
    told.say(epoch(2, 2), epoch(2, 3), epoch(3, 1))
    done = [(data["fit"], data["epoch"]) for data in told.events("job.epoch")]
    assert done == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1)]
    assert told.job.progress["epoch"] == 1


def test_what_a_line_does_not_mention_stays(told: Told) -> None:
    told.say({"kind": "cell", "cell": 2, "cells": 5}, {"kind": "progress", "epoch": 1})
    assert (told.job.progress["cell"], told.job.progress["epoch"]) == (2, 1)


def test_the_first_failure_of_a_worker_counts(told: Told) -> None:
    told.say(
        {
            "kind": "failed",
            "reason": "ValueError: x",
            "exit": 1,
            "cell": 3,
            "traceback": "T" * 10**6,
        },
        {"kind": "failed", "reason": "later"},
    )
    failure = told.attempt.failures["0"]
    assert (failure["reason"], failure["exit"], failure["cell"]) == ("ValueError: x", 1, 3)
    assert len(failure["traceback"]) == LONGEST_TEXT


def test_only_the_chief_tells_of_progress_and_everybody_of_warnings(told: Told) -> None:
    told.worker.rank = 1
    told.say(progress(1), {"kind": "warning", "message": "slow"})
    assert told.job.progress == {}
    assert told.events("job.warning") == [{"message": "slow", "rank": 1}]


def test_the_weights_that_each_worker_came_to_are_kept(told: Told) -> None:
    for rank in (0, 1):
        told.worker.rank = rank
        told.say({"kind": "fit", "fit": 2, "weights": "a1b2"})
    kept = {"attempt": 1, "fit": 2, "weights": "a1b2"}
    assert told.events("job.fit") == [kept | {"rank": 0}, kept | {"rank": 1}]


def test_a_warning_is_kept_once_and_not_without_end(told: Told) -> None:
    said = [{"kind": "warning", "message": f"warning {number // 2}"} for number in range(100)]
    told.say(*said)
    told.worker.rank = 1
    told.say(*said)
    first = [f"warning {number}" for number in range(MOST_WARNINGS - 1)]
    assert told.job.warnings == [*first, MORE_WARNINGS]
    assert len(told.events("job.warning")) == MOST_WARNINGS


def test_a_warning_that_is_too_long_is_kept_once_as_far_as_it_can_be(told: Told) -> None:
    told.say(*[{"kind": "warning", "message": "w" * LONGEST_WARNING + "more"}] * 2)
    assert told.job.warnings == ["w" * LONGEST_WARNING]
