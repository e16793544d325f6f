"""The reconciler as a process, with real workers; and what is left when it or they are killed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.support import postgresql
from tests.support.dockerdeployment import deployed_on_docker
from tests.support.reconciling import Deployment, deployed, eventually, gone, make, reconciling
from tests.support.services import require
from tests.support.workers import spec

from labdock.schema import Resources
from labdock_service import linux
from labdock_service.folders import delete_folder
from labdock_service.reconciler.judge import MOST_OUTAGES
from labdock_service.store import events, leases
from labdock_service.store.tables import JobRow

ENGINES: dict[str, Callable[[Path], AbstractContextManager[Deployment]]] = {
    "process": deployed,
    "docker": deployed_on_docker,
}

WAIT = """
    import os, pathlib, time
    gate = pathlib.Path(os.environ["LABDOCK_CHECKPOINTS"], "go")
    print("waiting", flush=True)
    while not gate.exists():
        time.sleep(0.02)
    print("done", flush=True)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


@pytest.fixture(params=ENGINES)
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on each engine, and its reconciler runs."""
    with ENGINES[request.param](tmp_path) as place:
        place.start()
        yield place


def let_go(place: Deployment, job: str) -> None:
    attempt = str(len(place.job(job).attempts))
    (place.job_folder(job) / "checkpoints" / attempt / "go").touch()


def log_of(place: Deployment, worker: str) -> list[str]:
    lines = (place.state.workers / worker / "log").read_text().splitlines()
    return [line.split(" ", 3)[3] for line in lines]


def printed(place: Deployment, worker: str, text: str) -> bool:
    log = place.state.workers / worker / "log"
    return log.exists() and text in log.read_text()


# The whole way


def test_a_script_runs_and_leaves_what_it_made(live: Deployment) -> None:
    job = live.submit(
        """
        import json, os, pathlib, sys
        pathlib.Path("out").mkdir()
        pathlib.Path("out/result.txt").write_text(json.dumps(sys.argv[1:]))
        model = pathlib.Path(os.environ["LABDOCK_MODELS"], "digits")
        model.mkdir()
        (model / "saved_model.pb").write_bytes(b"model")
        note = {"name": "digits", "signature": {"x": 1}, "metrics": {"accuracy": 0.5}}
        model.with_suffix(".json").write_text(json.dumps(note))
        """,
        arguments=["--fast"],
    )
    done = live.until(job, "succeeded")
    assert done.message == "Succeeded and saved digits."
    artifacts = live.job_folder(job) / "artifacts/1"
    files = {p.relative_to(artifacts).as_posix() for p in artifacts.rglob("*") if p.is_file()}
    assert files == {"out/result.txt"}
    assert (artifacts / "out/result.txt").read_text() == '["--fast"]'
    eventually(lambda: not (live.state.workers / f"job-{job}-1-0" / "code").exists())
    [model] = done.models
    assert (live.state.models / model / "digits/1/saved_model.pb").read_bytes() == b"model"
    kinds = [kind for kind in live.kinds(job) if kind not in ("job.progress", "job.noted")]
    assert kinds == [
        "job.submitted",
        "job.queued",
        "job.starting",
        "job.running",
        "model.saved",
        "job.succeeded",
    ]


def test_versions_count_on(live: Deployment) -> None:
    code = """
        import os, pathlib
        model = pathlib.Path(os.environ["LABDOCK_MODELS"], "m")
        model.mkdir()
        (model / "saved_model.pb").touch()
        model.with_suffix(".json").write_text('{"name": "m"}')
    """
    first, second = live.submit(code), live.submit(code)
    live.until(first, "succeeded")
    live.until(second, "succeeded")
    assert live.job(first).snapshot == live.job(second).snapshot
    saved = [
        e.data["version"] for j in (first, second) for e in live.events(j) if "version" in e.data
    ]
    assert sorted(saved) == [1, 2]


def test_a_job_finds_data_where_its_notebook_does(live: Deployment) -> None:
    data = live.state.data_roots / "data"
    data.mkdir(parents=True)
    (data / "x.csv").write_text("1,2")
    job = live.submit(
        """
        import pathlib
        print(pathlib.Path("~/data/x.csv").expanduser().read_text())
        open(pathlib.Path("~/data/y.csv").expanduser())
        """
    )
    done = live.until(job, "failed")
    assert log_of(live, f"job-{job}-1-0")[0] == "1,2"
    assert done.failure and "`~/projects/NAME`" in done.failure.reason


def test_the_persons_error_is_the_failure(live: Deployment) -> None:
    job = live.until(live.submit("raise ValueError('no such digit')"), "failed")
    assert job.failure and "no such digit" in job.failure.reason
    assert job.failure.traceback and "ValueError" in job.failure.traceback
    assert len(job.attempts) == 1


def test_a_failed_snapshot_fails_its_jobs_with_its_reason(place: Deployment) -> None:
    job = place.submit("print(1)")
    for blob in place.state.blobs.iterdir():
        blob.unlink()
    place.start()
    done = place.until(job, "failed")
    assert done.failure and done.failure.reason == done.message
    assert done.attempts == []


def test_a_retry_packages_again_what_could_not_be_packaged(place: Deployment) -> None:
    job = place.submit("print(1)")
    kept = {blob: blob.read_bytes() for blob in place.state.blobs.iterdir()}
    for blob in kept:
        blob.unlink()
    place.start()
    place.until(job, "failed")
    for blob, content in kept.items():
        blob.write_bytes(content)
    place.retry(job)
    eventually(lambda: place.job(job).state == "succeeded")


def test_layers_that_were_deleted_are_made_again(live: Deployment) -> None:
    first = live.until(live.submit("print(1)"), "succeeded")
    for layer in live.state.layers.iterdir():
        delete_folder(layer)
    second = live.until(live.submit("print(1)"), "succeeded")
    assert (second.snapshot, second.image) == (first.snapshot, first.image)
    assert len(second.attempts) == 1


# The queue


def test_a_full_machine_lets_the_next_wait_and_says_for_whom(live: Deployment) -> None:
    first = live.submit(WAIT, name="digits", resources=_cpus(2))
    live.until(first, "running")
    second = live.submit("print(2)", resources=_cpus(2))
    waits = f"Waits for 2 CPUs: 2 of 2 are in use by digits ({first})."
    eventually(lambda: live.job(second).message == waits)
    let_go(live, first)
    live.until(first, "succeeded")
    live.until(second, "succeeded")
    with live.store.read() as session:
        assert leases.held(session) == []


def _cpus(count: float) -> Resources:
    return Resources(cpus=count)


# Stopping


def test_a_running_job_is_stopped_with_sigterm(live: Deployment) -> None:
    job = live.submit(WAIT)
    eventually(lambda: printed(live, f"job-{job}-1-0", "waiting"))
    live.stop(job)
    done = live.until(job, "stopped")
    assert done.attempts[0].reason == "Stopped."
    assert "job.stopping" in live.kinds(job)


def test_a_job_that_waits_is_stopped_without_an_attempt(live: Deployment) -> None:
    first = live.submit(WAIT, resources=_cpus(2))
    live.until(first, "running")
    second = live.submit("print(2)")
    live.until(second, "queued")
    live.stop(second)
    assert live.until(second, "stopped").attempts == []
    live.stop(first)
    live.until(first, "stopped")


def test_the_time_limit_fails_the_job(live: Deployment) -> None:
    job = live.until(live.submit(WAIT, time_limit=1.0), "failed")
    assert job.message == "It ran longer than its limit of 1 s."
    assert len(job.attempts) == 1


def test_a_retry_runs_it_again_with_its_checkpoints(live: Deployment) -> None:
    job = live.submit(
        """
        import os, pathlib
        kept = pathlib.Path(os.environ["LABDOCK_CHECKPOINTS"], "kept")
        if not kept.exists():
            kept.touch()
            raise SystemExit(3)
        """
    )
    live.until(job, "failed")
    live.retry(job)
    done = eventually(lambda: live.job(job) if live.job(job).state == "succeeded" else None)
    assert [attempt.number for attempt in done.attempts] == [1, 2]
    assert done.failure is None


def test_a_retry_begins_without_what_was_said_before(place: Deployment) -> None:
    job = place.submit("pass")
    place.stop(job)
    reconciler = make(place)
    with reconciling(reconciler):
        reconciler.settle()
        with place.acting() as (session, _, _):
            session.get_one(JobRow, job).warnings = ["slow"]
        place.retry(job)
        reconciler.settle()
    assert place.job(job).warnings == []


# Gangs


def test_a_gang_gets_one_cluster_and_each_its_place(live: Deployment) -> None:
    code = """
        import json, os
        print("config", os.environ["TF_CONFIG"], os.environ["LABDOCK_RANK"])
        print("without", os.environ["LABDOCK_DISABLE"])
    """
    job = live.submit(code, workers=2, disable=["strategy", "seed"])
    live.until(job, "succeeded")
    lines = [
        next(line for line in log_of(live, f"job-{job}-1-{rank}") if line.startswith("config"))
        for rank in (0, 1)
    ]
    configs = [line.removeprefix("config ").rsplit(" ", 1)[0] for line in lines]
    assert configs[0].replace('"index": 0', '"index": 1') == configs[1]
    assert len(set(json.loads(configs[0])["cluster"]["worker"])) == 2
    assert "without strategy,seed" in log_of(live, f"job-{job}-1-1")


def test_a_killed_worker_takes_its_gang_along_and_all_start_again(live: Deployment) -> None:
    job = live.submit(WAIT, workers=2)
    eventually(lambda: all(printed(live, f"job-{job}-1-{rank}", "waiting") for rank in (0, 1)))
    live.strike(f"job-{job}-1-1")
    eventually(lambda: printed(live, f"job-{job}-2-1", "waiting"))
    let_go(live, job)
    done = live.until(job, "succeeded")
    assert len(done.attempts) == 2
    assert (done.attempts[0].reason or "").startswith("Worker 1 of 2 was killed")


def test_attempts_come_to_an_end(live: Deployment) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    job = live.until(live.submit(code, max_attempts=2), "failed")
    assert job.message.endswith("It was tried 2 times.")
    assert len(job.attempts) == 2


def test_an_error_in_one_worker_fails_the_job_at_once(live: Deployment) -> None:
    code = """
        import os, time
        if os.environ["LABDOCK_RANK"] == "1":
            raise ValueError("only here")
        time.sleep(600)
    """
    job = live.until(live.submit(code, workers=2), "failed")
    assert job.failure and "only here" in job.failure.reason
    assert len(job.attempts) == 1


# Killed


def test_a_killed_reconciler_is_followed_by_one_that_adopts(place: Deployment) -> None:
    place.start()
    job = place.submit(WAIT)
    eventually(lambda: printed(place, f"job-{job}-1-0", "waiting"))
    place.kill()
    let_go(place, job)
    eventually(lambda: printed(place, f"job-{job}-1-0", "done"))
    place.start()
    done = place.until(job, "succeeded")
    assert len(done.attempts) == 1
    assert log_of(place, f"job-{job}-1-0") == ["waiting", "done"]
    counts = Counter(place.kinds(job))
    assert counts.pop("job.noted", 0) < 4
    assert set(counts.values()) == {1}


def test_kills_at_any_moment_lose_no_job_and_run_none_twice(place: Deployment) -> None:
    code = """
        import os, time
        with open(os.path.join(os.environ["LABDOCK_CHECKPOINTS"], "runs"), "a") as file:
            file.write(os.environ["LABDOCK_ATTEMPT"])
        for step in range(20):
            print(step, flush=True)
            time.sleep(0.02)
    """
    jobs = [place.submit(code, name=f"job {number}") for number in range(4)]
    place.start()
    for _ in range(6):
        _wait_for_news(place, jobs)
        place.kill()
        place.start()
    for job in jobs:
        done = place.until(job, "succeeded")
        assert len(done.attempts) == 1
        assert (place.job_folder(job) / "checkpoints" / "1" / "runs").read_text() == "1"
        assert log_of(place, f"job-{job}-1-0") == [str(step) for step in range(20)]
        assert place.kinds(job).count("job.succeeded") == 1


def _wait_for_news(place: Deployment, jobs: list[str]) -> None:
    """Until something has happened since, or everything has."""

    def last() -> int:
        with place.store.read() as session:
            return events.last(session)

    before = last()
    eventually(
        lambda: last() > before + 1 or all(place.job(job).state == "succeeded" for job in jobs)
    )


def test_a_killed_supervisor_costs_an_attempt_and_nothing_else(live: Deployment) -> None:
    job = live.submit(WAIT)
    eventually(lambda: printed(live, f"job-{job}-1-0", "waiting"))
    live.strike_supervisor(f"job-{job}-1-0")
    eventually(lambda: printed(live, f"job-{job}-2-0", "waiting"))
    assert live.is_gone(f"job-{job}-1-0")
    let_go(live, job)
    done = live.until(job, "succeeded")
    assert re.search("was (lost|killed)", done.attempts[0].reason or "")


def test_killed_packaging_processes_are_replaced(live: Deployment) -> None:
    live.until(live.submit("print(1)"), "succeeded")
    for child in eventually(lambda: _children(live)):
        os.kill(child, signal.SIGKILL)
    live.until(live.submit("print(2)"), "succeeded")


def _children(place: Deployment) -> list[int]:
    """The packaging processes."""
    reconciler = place.running()[-1]
    return [
        pid
        for pid, process in linux.all_processes().items()
        if process.parent == reconciler and b"spawn_main" in _command(pid)
    ]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended just now
        return b""


def test_nothing_of_a_killed_reconciler_goes_on_but_its_workers(place: Deployment) -> None:
    place.start()
    job = place.submit(WAIT)
    eventually(lambda: printed(place, f"job-{job}-1-0", "waiting"))
    children = eventually(lambda: _children(place))
    place.kill()
    eventually(lambda: all(gone(child) for child in children))
    assert not gone(place.worker_pid(f"job-{job}-1-0"))


def test_a_newer_reconciler_ends_the_older(place: Deployment) -> None:
    older = place.start()
    place.until(place.submit("print(1)"), "succeeded")
    place.start()
    place.until(place.submit("print(2)"), "succeeded")
    assert older.wait(120) == 0


def test_workers_without_a_record_are_ended_and_removed(live: Deployment) -> None:
    stranger = spec("sleep", "600", image=live.image)
    for _ in live.engine.start(stranger):
        continue
    live.until(live.submit("print(1)"), "succeeded")
    eventually(lambda: stranger.id not in [worker.id for worker in live.engine.look()])


# Suspended


def test_down_keeps_what_runs_for_the_next_start(place: Deployment) -> None:
    reconciler = place.start()
    job = place.submit(WAIT, max_attempts=1)
    eventually(lambda: printed(place, f"job-{job}-1-0", "waiting"))
    reconciler.terminate()
    assert reconciler.wait(120) == 0
    assert place.start("--suspend").wait(120) == 0
    assert place.job(job).state == "queued"
    assert all(worker.state == "ended" for worker in place.engine.look())
    place.start()
    eventually(lambda: printed(place, f"job-{job}-2-0", "waiting"))
    let_go(place, job)
    done = place.until(job, "succeeded")
    assert len(done.attempts) == 2


def test_a_power_cut_is_no_attempt(place: Deployment) -> None:
    """kill -9 of the reconciler, and of the worker with its supervisor while it is down."""
    place.start()
    job = place.submit(WAIT, max_attempts=1)
    eventually(lambda: printed(place, f"job-{job}-1-0", "waiting"))
    place.kill()
    status = json.loads((place.state.workers / f"job-{job}-1-0" / "status.json").read_text())
    os.kill(status["supervisor"], signal.SIGKILL)
    place.start()
    eventually(lambda: printed(place, f"job-{job}-2-0", "waiting"))
    let_go(place, job)
    assert len(place.until(job, "succeeded").attempts) == 2


def test_power_cuts_without_end_are_the_jobs_own_doing(place: Deployment) -> None:
    place.start()
    job = place.submit(WAIT, max_attempts=1)
    for attempt in range(1, MOST_OUTAGES + 1):
        eventually(lambda: printed(place, f"job-{job}-{attempt}-0", "waiting"))  # noqa: B023
        place.kill()
        os.kill(place.supervisor(f"job-{job}-{attempt}-0"), signal.SIGKILL)
        place.start()
    assert "`labdock retry`" in place.until(job, "failed").message
    place.retry(job)
    eventually(lambda: printed(place, f"job-{job}-{MOST_OUTAGES + 1}-0", "waiting"))
    let_go(place, job)
    place.until(job, "succeeded")


# Another database


def test_postgresql_serves_as_well(tmp_path: Path) -> None:
    require(postgresql.can_start(), "PostgreSQL (`apt-get install postgresql`) or psycopg")
    with (
        postgresql.postgresql() as server,
        postgresql.database(server) as url,
        deployed(tmp_path, url) as place,
    ):
        place.start()
        done = place.until(place.submit("print(1)"), "succeeded")
        assert place.kinds(done.id)[-1] == "job.succeeded"
        place.kill()
        place.start()
        place.until(place.submit("print(2)"), "succeeded")
