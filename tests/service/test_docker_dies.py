"""Docker is killed while jobs run, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.dockerdeployment import deployed_on_docker
from tests.support.owndocker import own_docker
from tests.support.reconciling import eventually

RUNS_UNTIL_TRIED_AGAIN = """
    import os, pathlib, time
    place = pathlib.Path(os.environ["LABDOCK_CHECKPOINTS"], "place")
    if place.exists():
        print("goes on after", place.read_text())
        raise SystemExit
    while True:
        place.write_text(str(time.time()))
        print("here", flush=True)
        time.sleep(0.2)
"""


def test_a_killed_docker_and_its_return_cost_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that may be tried but once. Who waits for Docker is told so."""
    with own_docker() as own, deployed_on_docker(tmp_path) as place:
        monkeypatch.setenv("DOCKER_HOST", own.address)
        place.start()
        runs = place.submit(RUNS_UNTIL_TRIED_AGAIN, max_attempts=1)
        log = place.state.workers / f"job-{runs}-1-0/log"
        eventually(lambda: log.exists() and "here" in log.read_text())
        own.kill()
        waits = place.submit("print('hello')", max_attempts=1)
        eventually(lambda: "Docker does not answer" in place.job(waits).message)
        before = log.stat().st_size
        eventually(lambda: log.stat().st_size > before)
        assert place.job(runs).state == "running"
        own.start()
        assert len(place.until(waits, "succeeded").attempts) == 1
        first, _ = place.until(runs, "succeeded").attempts
        assert "restart of Docker" in str(first.reason)
