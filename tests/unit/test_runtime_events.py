"""Events, progress, and the job read from its environment."""

from __future__ import annotations

import errno
import json
import math
import os
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock.schema import Part
from labdock_runtime.callbacks import HOOKS, Callback, Observer
from labdock_runtime.events import Events, numbers
from labdock_runtime.job import WORDS, Job
from labdock_runtime.progress import INTERVAL, Clock
from labdock_runtime.run import Run
from labdock_service.reconciler.ingest import FORM

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def job(**environment: str) -> Job:
    return Job({"LABDOCK_ENTRY": "train.py", **environment})


def _emit(path: str, writer: int) -> None:
    events = Events(job(LABDOCK_EVENTS=path, LABDOCK_RANK=str(writer)))
    for step in range(200):
        events.emit("progress", step=step, filler="x" * 200)


def test_processes_that_share_a_file_never_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    processes = [get_context("spawn").Process(target=_emit, args=(str(path), n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for writer in range(3):
        assert [e["step"] for e in events if e["rank"] == writer] == list(range(200))


def test_every_event_is_in_the_form_that_the_service_reads(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Events(job(LABDOCK_EVENTS=str(path), LABDOCK_RANK="2", LABDOCK_ATTEMPT="3")).emit("started")
    told = json.loads(path.read_text())
    assert (told["v"], told["attempt"], told["rank"], told["kind"]) == (FORM, 3, 2, "started")


def test_a_failure_tells_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Events(job(LABDOCK_EVENTS=str(path))).failed("ValueError: no", 1, cell=3)
    told = json.loads(path.read_text())
    assert (told["reason"], told["exit"], told["cell"]) == ("ValueError: no", 1, 3)
    assert "traceback" not in told


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_loses_events_and_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    path = tmp_path / "events.jsonl"
    events = Events(job(LABDOCK_EVENTS=str(path)))
    events.emit("cell", cell=1)
    write, space = os.write, 10

    def write_what_fits(file: int, line: bytes) -> int:
        nonlocal space
        if not space:
            raise OSError(fault, os.strerror(fault))
        done = write(file, line[:space])
        space -= done
        return done

    monkeypatch.setattr(os, "write", write_what_fits)
    for cell in (2, 3):
        events.emit("cell", cell=cell)
    monkeypatch.undo()
    events.emit("cell", cell=4)
    told = [line for line in path.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["cell"] for line in told] == [1, 4]


@given(st.dictionaries(st.text(), st.one_of(FLOATS, st.none(), st.text())))
def test_metrics_are_always_json(logs: dict[str, object]) -> None:
    found = numbers(logs)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(math.isfinite(value) for value in found.values())


@given(st.lists(st.floats(0, 10), max_size=50))
def test_progress_is_at_most_two_a_second(pauses: list[float]) -> None:
    clock, now, written = Clock(), 0.0, []
    for pause in pauses:
        now += pause
        if clock.due(now):
            written.append(now)
    assert all(b - a >= INTERVAL for a, b in pairwise(written))


def test_the_time_left_follows_the_pace_after_the_first_step() -> None:
    clock = Clock()
    assert clock.seconds_left(100.0, 1, 10, 1, 10) is None
    assert clock.seconds_left(109.0, 1, 10, 10, 10) == 90.0
    assert clock.seconds_left(199.0, 10, 10, 10, 10) == 0.0
    assert clock.seconds_left(1.0, 1, None, 1, 10) is None


def test_an_observer_tells_epochs_and_warns_once_of_nan(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    observer = Observer(Run(job(LABDOCK_EVENTS=str(path))))
    observer.set_params({"epochs": 2, "steps": 4})
    observer.on_train_begin()
    for epoch in range(2):
        observer.on_epoch_begin(epoch)
        for batch in range(4):
            observer.on_train_batch_end(batch, {"loss": 1.0})
        observer.on_epoch_end(epoch, {"loss": float("nan"), "accuracy": 0.5})
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [e["kind"] for e in events if e["kind"] != "progress"] == ["warning", "epoch", "epoch"]
    assert [e["metrics"] for e in events if e["kind"] == "epoch"] == [{"accuracy": 0.5}] * 2
    ends = [e for e in events if e["kind"] == "progress" and e["step"] == 4]
    assert [e["epoch"] for e in ends] == [1, 2]


def test_a_callback_has_every_hook_of_keras_and_marks_what_it_leaves_out() -> None:
    callback = Callback()
    for hook in HOOKS:
        assert getattr(callback, hook)() is None
        assert hasattr(getattr(callback, hook), "_is_default")
    assert not callback._implements_train_batch_hooks()
    assert Observer(Run(job()))._implements_train_batch_hooks()


def test_a_job_is_read_from_its_environment() -> None:
    cluster = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    found = job(
        LABDOCK_DISABLE="keras, backup,nothing", LABDOCK_RANK="1", TF_CONFIG=json.dumps(cluster)
    )
    assert not found.chief and found.gang == ["a:1", "b:2"]
    assert not found.does("keras") and found.does("signals")
    assert found.unknown_words() == ["nothing"]


def test_what_can_be_asked_for_is_what_can_be_switched_off() -> None:
    assert get_args(Part) == WORDS
