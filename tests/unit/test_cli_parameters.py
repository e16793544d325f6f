"""Parameters and grids on the command line, against the real service."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.clients import Hand, RunningService, running_service
from tests.support.command_line import Run, packaged, running_commands
from tests.support.runtime import write_notebook

from labdock.schema import Failure, Progress


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture
def run(
    service: RunningService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    monkeypatch.setenv("LABDOCK_URL", service.url)
    monkeypatch.setenv("LABDOCK_TOKEN", "token-ada")
    with running_commands(capsys) as run:
        yield run


CELL = "%matplotlib inline\nlr: float = 0.1\nnote = 'a'\nmore = {}"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    file = tmp_path / "digits.ipynb"
    write_notebook(file, "print(lr)", parameters=CELL)
    return file


def test_a_notebooks_parameters(run: Run, notebook: Path) -> None:
    result = run("submit", str(notebook), "--json", "-p", "lr=0.2", "-p", "note=5")
    job = json.loads(result.out)
    assert job["parameters"] == {"lr": 0.2, "note": "5"}
    shown = run("show", job["id"]).out
    assert "lr    0.1 → 0.2  (a number)\n" in shown
    assert "note  'a' → '5'  (text)\n" in shown
    assert "more  {}  (a dictionary)\n" in shown


def test_a_package_shows_the_parameters(run: Run, hand: Hand, notebook: Path) -> None:
    shown = packaged(run, hand, str(notebook), "-p", "lr=0.5").out
    assert "lr    0.1 → 0.5  (a number)\n" in shown
    assert run("package", str(notebook), "-p", "lr=fast").code == 2


def test_a_grid_is_submitted_and_shown(run: Run, hand: Hand, notebook: Path) -> None:
    result = run("submit", str(notebook), "--grid", "lr=0.1,0.2", "--grid", "note=a,b")
    grid_id = result.out.strip()
    assert result.code == 0 and f"4 jobs: `labdock grid {grid_id} --follow`" in result.err
    grid = json.loads(run("grid", grid_id, "--json").out)
    ids = [job["id"] for job in grid["jobs"]]
    for job_id, accuracy in zip(ids, (0.5, 0.9, 0.7), strict=False):
        hand.run(job_id)
        hand.progress(job_id, Progress(metrics={"loss": 1 - accuracy, "val_accuracy": accuracy}))
        hand.end(job_id)
    hand.run(ids[3])
    hand.end(ids[3], "failed", Failure(reason="ValueError: too large"))
    shown = run("grid", grid_id[:5])
    lines = shown.out.splitlines()
    assert lines[0] == f"digits · {grid_id} · 4 jobs: 1 failed, 3 succeeded"
    assert lines[1].split() == ["JOB", "lr", "note", "STATE", "loss", "val_accuracy"]
    assert lines[3].split() == ["*", ids[1], "0.1", "b", "succeeded", "0.1", "0.9"]
    assert lines[5].split() == [ids[3], "0.2", "b", "failed"]
    assert "ValueError: too large" in shown.err and f"runFilter={grid_id}" in shown.err
    ordered = run("grid", "last", "--sort", "loss").out.splitlines()
    assert [line.replace("*", "").split()[0] for line in ordered[2:]] == [
        *(ids[1], ids[2], ids[0], ids[3])
    ]
    for number, job_id in enumerate(ids):
        own = ["Cell 3 is another one's."] if number == 2 else []
        hand.change(job_id, "succeeded", warnings=["Cell 2 calls urandom.", *own])
    warned = run("grid", grid_id).err
    assert "Warning: Cell 2 calls urandom. (all jobs)\n" in warned
    assert f"Warning: Cell 3 is another one's. ({ids[2]})\n" in warned
    assert "choose of loss, val_accuracy" in run("grid", grid_id, "--sort", "f1").err
    assert f"{grid_id}  digits" in run("grids").out
    assert grid_id in run("show", ids[0]).out
    hand.change(ids[3], "failed")
    followed = run("grid", grid_id, "--follow")
    assert followed.code == 1 and "lr=0.2 note=b" in followed.err


def test_a_grid_is_followed_and_stopped(run: Run, hand: Hand, notebook: Path) -> None:
    grid_id = run("submit", str(notebook), "--grid", "lr=0.1,0.2").out.strip()
    ids = [job["id"] for job in json.loads(run("grid", grid_id, "--json").out)["jobs"]]
    stopped = run("stop", grid_id)
    assert stopped.code == 0 and f"Grid {grid_id} stops" in stopped.out
    assert {json.loads(run("show", one, "--json").out)["target"] for one in ids} == {"stopped"}

    def play() -> None:
        for one in ids:
            hand.run(one)
            hand.end(one)

    playing = threading.Thread(target=play)
    playing.start()
    followed = run("grid", grid_id, "--follow")
    playing.join()
    assert followed.code == 0
    assert followed.out.splitlines()[0].endswith("2 jobs: 2 succeeded")
    assert followed.err.count("succeeded") >= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "lr=NaN"], "lr is not finite"),
        (["-p", "lr=1e999"], "lr is not finite"),
        (["-p", 'more={"a": [-Infinity]}'], "more is not finite"),
        (["-p", "rate=1"], "does not set rate: it sets lr, note, more"),
        (["-p", "lr=fast"], "lr is a number (default 0.1): give it as 0.01, not fast."),
        (["--grid", "lr=0.1,fast"], "lr is a number (default 0.1): give it as 0.01, not fast."),
        (["--grid", "lr="], "lr has no values: give some, as in --grid lr=1,2."),
        (["--grid", "lr=1", "--grid", "lr=2"], "lr is given twice"),
        (["--grid", "lr=1,2,1"], "lr has 1 twice"),
        (["--grid", "rate=1"], "does not set rate"),
        (["--grid", "lr=1,2", "-p", "lr=3"], "lr is given once for all and in the grid"),
        (["--grid", f"lr={','.join(map(str, range(101)))}"], "lr make 101 points, and a grid may"),
        (["--", "a", "b"], "is a notebook, which takes no arguments"),
    ],
)
def test_no_parameter_is_lost_in_silence(
    run: Run, service: RunningService, notebook: Path, arguments: list[str], words: str
) -> None:
    uploads = service.uploads
    result = run("submit", str(notebook), *arguments)
    assert result.code == 2 and words in result.err
    assert service.uploads == uploads


def test_a_parameter_needs_a_cell_that_is_tagged(run: Run, tmp_path: Path) -> None:
    write_notebook(tmp_path / "plain.ipynb", "lr = 1")
    result = run("submit", str(tmp_path / "plain.ipynb"), "-p", "lr=2")
    assert result.code == 2 and "tag `parameters` to the cell that sets lr" in result.err
