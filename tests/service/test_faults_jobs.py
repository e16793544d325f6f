"""Jobs that behave badly: each ends as a person would want, with a sentence."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.reconciling import Deployment, deployed, eventually, gone, make, run_until
from tests.support.workers import texts

from labdock.schema import Resources
from labdock_service.reconciler import launching

STUBBORN = """
    import signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("child", child.pid, flush=True)
    child.wait()
"""
"""Ignores SIGTERM, and waits for a child."""

ENDS_IN_ITS_SECOND_ATTEMPT = """
    import os, time
    print("begun", flush=True)
    while os.environ["LABDOCK_ATTEMPT"] == "1":
        time.sleep(0.1)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        deployment.start()
        yield deployment


def words(place: Deployment, job: str) -> list[str]:
    """The job's log."""
    log = place.state.workers / f"job-{job}-1-0" / "log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line.split(" ", 3)[3] for line in lines]


def test_a_job_that_ignores_sigterm_is_stopped_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "JOB_GRACE", 1.0)
    with deployed(tmp_path) as place:
        job = place.submit(STUBBORN)
        reconciler = make(place)

        def child() -> int:
            reconciler.settle()
            return next((int(text.split()[1]) for text in words(place, job)), 0)

        pid = eventually(child)
        place.stop(job)
        run_until(place, reconciler, job)
        assert (place.job(job).state, place.job(job).message) == ("stopped", "Stopped.")
        assert gone(pid)


def test_a_job_that_fills_its_memory_fails_at_once(place: Deployment) -> None:
    code = "import time\nhog = b'x' * (300 * 2**20)\ntime.sleep(600)\n"
    job = place.submit(code, resources=Resources(cpus=1, memory=100 * 2**20), max_attempts=3)
    done = place.until(job, "failed")
    assert len(done.attempts) == 1
    assert done.message.startswith("Its worker ran out of memory: it used ")
    assert done.message.endswith("its limit is 100 MiB: ask for more with `--memory`.")


def test_a_job_that_leaves_children_succeeds_without_them(place: Deployment) -> None:
    code = """
        import os, subprocess, sys
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        print("child", subprocess.Popen(command, start_new_session=True).pid, flush=True)
    """
    job = place.submit(code)
    place.until(job, "succeeded")
    child, note = words(place, job)
    assert gone(int(child.split()[1]))
    assert note == "labdock: a process that this worker left running is ended with it."


def test_output_of_any_bytes_is_a_log(place: Deployment) -> None:
    code = r"""
        import os
        os.write(1, b"\xff\xfe caf\xc3\xa9 \x00\x1b]0;title\x07 \x85\xe2\x80\xa8 end\n")
        os.write(1, b"x" * 3_000_000 + b"\n")
        os.write(2, b"\x80" * 10 + b"no line end")
    """
    job = place.submit(code)
    place.until(job, "succeeded")
    first, *pieces, last = texts(place.engine, f"job-{job}-1-0")
    assert first == "\ufffd\ufffd café \x00\x1b]0;title\x07 \ufffd\u2028 end"
    assert "".join(pieces) == "x" * 3_000_000 and max(map(len, pieces)) < 2**20
    assert last == "\ufffd" * 10 + "no line end"


def test_a_job_whose_supervisor_is_killed_while_it_prints_is_tried_again(place: Deployment) -> None:
    """Its output may be closed a moment before it is killed too; here the moment is long."""
    code = """
        import ctypes, os, signal
        if os.environ["LABDOCK_ATTEMPT"] == "1":
            ctypes.CDLL(None).prctl(1, 0)
            os.kill(os.getppid(), signal.SIGKILL)
            while True:
                print("still here", flush=True)
        print("done")
    """
    job = place.submit(code, max_attempts=2)
    done = place.until(job, "succeeded")
    lost, again = done.attempts
    assert str(lost.reason).startswith("Its worker was lost")
    assert again.reason == "Succeeded."


def test_a_machine_that_tells_all_to_end_costs_no_attempt(place: Deployment) -> None:
    job = place.submit(ENDS_IN_ITS_SECOND_ATTEMPT, workers=2, max_attempts=1)
    place.until(job, "running")
    eventually(lambda: "begun" in words(place, job))
    os.kill(place.supervisor(f"job-{job}-1-1"), signal.SIGTERM)
    first, _ = place.until(job, "succeeded").attempts
    assert "a restart of Docker or of the machine" in str(first.reason)
