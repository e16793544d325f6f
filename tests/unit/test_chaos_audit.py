"""The chaos run's audit finds what it is for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.load.chaos_audit import TRAINED, _is_right, _logs
from tests.load.chaos_evidence import Evidence
from tests.load.chaos_plan import FAILURES, TIME_LIMIT, Task
from tests.load.scripts.steps import FILLER

from labdock.schema import Attempt, LogLine, LogStream, Worker

RAISED = FAILURES["raise"]


def lines(count: int, end: int | None) -> list[LogLine]:
    streams: tuple[LogStream, ...] = ("stdout", "stderr")
    said = [
        (stream, f"{stream[3:]} {n} epoch 1 step 1 {FILLER}")
        for n in range(1, count + 1)
        for stream in streams
    ]
    if end is not None:
        said.append(("stdout", f"end {end}"))
    return [
        LogLine(time=0.0, stream=stream, text=text, attempt=1, rank=1, cursor="")
        for stream, text in said
    ]


def evidence(kept: list[LogLine], *, failure: str, reason: str, exit_code: int | None) -> Evidence:
    """A job whose second worker of two ended so."""
    workers = [
        Worker(rank=0, state="ended", exit_code=-9),
        Worker(rank=1, state="ended", exit_code=exit_code),
    ]
    job: Any = SimpleNamespace(attempts=[Attempt(number=1, workers=workers, reason=reason)])
    task = Task(name="chaos-001", state="failed", epochs=6, workers=2, failure=failure)
    found = Evidence(task, job, [])
    found.logs[1, 1] = kept
    return found


@pytest.mark.parametrize(
    ("failure", "exit_code", "whole"),
    [
        (RAISED, 1, True),
        (FAILURES["exit"], 7, True),
        (FAILURES["crash"], -11, True),
        (RAISED, None, False),
        (RAISED, -9, False),
        (TIME_LIMIT, 143, False),
        ("", 0, True),
    ],
)
def test_a_worker_that_came_to_its_own_end_has_a_whole_log(
    failure: str, exit_code: int | None, whole: bool
) -> None:
    reason = f"Worker 1 of 2: {failure}"
    cut = evidence(lines(3, None), failure=failure, reason=reason, exit_code=exit_code)
    wanted = ["the log of rank 1 in attempt 1: it does not end"]
    assert list(_logs(cut)) == (wanted if whole else [])
    all_of_it = evidence(lines(3, 3), failure=failure, reason=reason, exit_code=exit_code)
    assert list(_logs(all_of_it)) == []


def test_the_rest_of_a_gang_that_was_cut_off_need_not_come_to_its_end() -> None:
    kept = lines(3, None)
    assert not list(_logs(evidence(kept, failure=RAISED, reason="Its worker was", exit_code=1)))


@pytest.mark.parametrize(("value", "right"), [(None, False), (2.9, False), (TRAINED, True)])
def test_training_comes_to_what_it_would_have_come_to(value: float | None, right: bool) -> None:
    job: Any = SimpleNamespace(attempts=[])
    task = Task(name="chaos-002", state="succeeded", epochs=8, script="fit.py")
    assert _is_right(Evidence(task, job, [], value=value)) == right
