"""A gang that trains outlives `down`, and a machine that loses its power."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tests.support.deployment import Deployment, eventually, new_deployment
from tests.support.watched import EPOCHS, Watched

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]


@pytest.fixture
def started(
    prepared: StateFolder, environment: Path, labdock_proxy: list[str], tmp_path: Path
) -> Iterator[Deployment]:
    del environment, labdock_proxy
    made = new_deployment(prepared, tmp_path)
    try:
        made.up()
        yield made
    finally:
        made.sweep()


def lose_power(deployment: Deployment) -> None:
    """kill -9 of everything at once; the state folder stays as it lay."""
    deployment.sweep()
    eventually(lambda: not deployment.processes(), what="the end of every process")
    with sqlite3.connect(deployment.state.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_gang_goes_on_after_down_and_after_a_power_cut_and_ends_once(
    started: Deployment,
) -> None:
    job = Watched(started)
    job.until_epoch(2)
    started.down()
    eventually(lambda: not started.processes(), what="the end of every process")
    started.up()
    reached = max(job.epochs())
    job.until_epoch(reached + 2)
    lose_power(started)
    job.hurry()
    started.up()
    ended = job.until_over()
    assert (ended["state"], len(ended["attempts"])) == ("succeeded", 3), ended["message"]
    assert job.epochs() == list(range(1, EPOCHS + 1))
    assert job.kinds().count("job.succeeded") == 1
    assert re.search(rf"RESULT True {EPOCHS}", job.log())
    begun = job.begun()
    assert len(begun) == 2 and 2 < begun[0] < begun[1]
    assert drawn(started, "epoch_loss") == list(range(EPOCHS))


def drawn(deployment: Deployment, name: str) -> list[int]:
    """The steps of a curve as TensorBoard draws it."""
    board = EventMultiplexer()
    board.AddRunsFromDirectory(str(deployment.state.tensorboard))
    board.Reload()
    (run,) = (run for run, found in board.Runs().items() if name in found["tensors"])
    return [point.step for point in board.Tensors(run, name)]
