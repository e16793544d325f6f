"""Grids as Python holds them, against the real service."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.clients import Hand, RunningService, running_service
from tests.support.runtime import write_notebook

import labdock
from labdock import client as clients
from labdock import results, training
from labdock.errors import JobFailed, JobStopped, Mistake, NotFound, StillRunning
from labdock.gridwatching import GridTextView, show_grid
from labdock.schema import Failure, Progress


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture(autouse=True)
def environ(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LABDOCK_URL", service.url)
    monkeypatch.setenv("LABDOCK_TOKEN", "token-ada")
    clients._client.cache_clear()
    yield
    clients.default_client().transport.close()
    clients._client.cache_clear()


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    file = tmp_path / "digits.ipynb"
    write_notebook(file, "print(lr)", parameters="lr = 0.1\nloss = 'mse'\nunits = 32")
    return file


def end(hand: Hand, job_id: str, **metrics: float) -> None:
    hand.run(job_id)
    hand.progress(job_id, Progress(metrics=metrics))
    hand.end(job_id)


def test_a_grids_results_and_its_best(hand: Hand, notebook: Path) -> None:
    grid = labdock.submit(notebook, grid={"lr": [0.1, 0.2], "loss": ["mse", "mae"]}, name="g")
    with pytest.raises(NotFound, match="told of a metric yet"):
        grid.best()
    assert [job.name for job in grid.jobs][3] == "g lr=0.2 loss=mae"
    ids = [job.id for job in grid.jobs]
    end(hand, ids[0], loss=0.5, val_loss=0.6, val_accuracy=0.7)
    end(hand, ids[1], loss=0.4, val_loss=0.9, val_accuracy=0.8)
    end(hand, ids[2], loss=0.1)
    hand.run(ids[3])
    hand.progress(ids[3], Progress(metrics={"val_loss": 0.0}))
    hand.end(ids[3], "failed", Failure(reason="Oops."))
    assert grid.wait() is grid
    assert grid.best().id == ids[1]
    assert grid.best("val_loss").id == ids[0]
    assert grid.best("loss").id == ids[2]
    with pytest.raises(Mistake, match="choose of loss, val_loss, val_accuracy"):
        grid.best("f1")
    first, *_, last = grid.results()
    assert first == {
        "job": ids[0],
        "state": "succeeded",
        "seconds": pytest.approx(first["seconds"]),
        "lr": 0.1,
        "loss": "mse",
        "metric_loss": 0.5,
        "val_loss": 0.6,
        "val_accuracy": 0.7,
    }
    assert (last["state"], last["loss"], last["val_loss"]) == ("failed", "mae", 0.0)
    assert labdock.grid().id == labdock.grid(grid.id[:6]).id == labdock.grids()[0].id == grid.id
    assert "4 jobs: 1 failed, 3 succeeded" in repr(grid)


@pytest.mark.parametrize(("state", "error"), [("failed", JobFailed), ("stopped", JobStopped)])
def test_a_grid_none_of_whose_jobs_succeeded_says_so(
    hand: Hand, notebook: Path, state: Any, error: type[Exception]
) -> None:
    grid = labdock.submit(notebook, grid={"units": [1, 2]})
    for job in grid.jobs:
        hand.run(job.id)
        failure = Failure(reason="Out of memory.") if state == "failed" else None
        hand.end(job.id, state, failure)
    with pytest.raises(error):
        grid.wait()
    with pytest.raises(NotFound):
        grid.best()


def test_waiting_for_a_grid_has_an_end(hand: Hand, notebook: Path) -> None:
    grid = labdock.submit(notebook, grid={"units": [1, 2]})
    with pytest.raises(StillRunning):
        grid.wait(timeout=0.2)

    def play() -> None:
        for job in grid.jobs:
            end(hand, job.id)

    playing = threading.Thread(target=play)
    playing.start()
    assert grid.wait().record.states == {"succeeded": 2}
    playing.join()


def test_a_service_that_restarts_costs_a_follower_nothing(
    service: RunningService, hand: Hand, notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def play() -> None:
        client = service.client()
        ids = [job.id for job in client.grid(client.grids(limit=1)[0].id).jobs]
        end(hand, ids[0])
        service.stop()
        service.start()
        end(hand, ids[1])

    grid = labdock.submit(notebook, grid={"units": [1, 2]}, name="again")
    playing = threading.Thread(target=play)
    playing.start()
    show_grid(grid, GridTextView()).join()
    playing.join()
    assert grid.record.states == {"succeeded": 2}
    assert "again units=1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({}, "A grid has no parameters"),
        ({"lr": 0.1}, "lr has no list of values"),
        ({"lr": "12"}, "lr has no list of values"),
        ({"lr": []}, "lr has no values"),
        ({"lr": [0.1, "x"]}, r"lr is a number \(default 0\.1\)"),
        ({"rate": [1]}, "does not set rate"),
    ],
)
def test_a_mistaken_grid_sends_nothing(
    service: RunningService, notebook: Path, grid: Any, words: str
) -> None:
    uploads = service.uploads
    with pytest.raises(Mistake, match=words):
        labdock.submit(notebook, grid=grid)
    assert service.uploads == uploads


def test_what_can_be_given_is_given_to_each_alike() -> None:
    options = set(training.Options.__annotations__) | {"grid"}
    assert options == set(inspect.signature(labdock.train).parameters)
    assert options | {"entry", "arguments"} == set(inspect.signature(labdock.submit).parameters)


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("val_loss", True),
        ("mean_squared_error", True),
        ("val_mae", True),
        ("binary_crossentropy", True),
        ("accuracy", False),
        ("val_auc", False),
        ("f1", False),
    ],
)
def test_whether_less_is_better(metric: str, lower: bool) -> None:
    assert results.lower_is_better(metric) == lower
