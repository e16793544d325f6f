"""The clock is set back an hour while jobs run: what has a deadline keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.reconciling import (
    Deployment,
    deployed,
    eventually,
    make,
    reconciling,
    run_until,
)

from labdock_service.reconciler.clock import SteadyClock
from labdock_service.reconciler.loop import Reconciler

HOUR = 3600.0
SLEEPS = "import time\ntime.sleep(600)\n"


class Wall:
    """A clock on the wall, which somebody sets."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


def running(place: Deployment, reconciler: Reconciler, job: str) -> bool:
    reconciler.settle()
    return place.job(job).state == "running"


def test_a_time_limit_holds_when_the_clock_is_set_back(place: Deployment) -> None:
    job = place.submit(SLEEPS, time_limit=3)
    reconciler, wall = make(place), Wall()
    reconciler.parts.clock = SteadyClock(wall)
    eventually(lambda: running(place, reconciler, job))
    wall.ahead = -HOUR
    run_until(place, reconciler, job)
    assert place.job(job).message == "It ran longer than its limit of 3 s."


def test_a_time_limit_holds_when_the_clock_was_set_back_before_the_start(
    place: Deployment,
) -> None:
    job = place.submit(SLEEPS, time_limit=3)
    before, wall = make(place), Wall()
    wall.ahead = HOUR
    before.parts.clock = SteadyClock(wall)
    with reconciling(before):
        eventually(lambda: running(place, before, job))
    place.start()
    assert place.until(job, "failed").message == "It ran longer than its limit of 3 s."
