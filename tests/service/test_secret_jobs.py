"""A job with secrets from its start to what it leaves: the value is where it works, and nowhere."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.reconciling import Deployment, deployed, eventually
from tests.support.runtime import write_notebook

from labdock.schema import Job, JobRequest
from labdock_service.commands.rekeying import renew_keys
from labdock_service.sealing import Seal
from labdock_service.settings import Settings
from labdock_service.store import jobs, people, secrets, snapshots

VALUE = 'hunter2 "and" möre'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----"
SAYS_IT = """
import json, logging, os, sys, warnings
value, key = os.environ["TOKEN"], os.environ["KEY"]
assert value == 'hunter2 "and" m\\u00f6re' and len(key.splitlines()) == 3
print(value, [value], json.dumps({"v": value}), value.encode())
print(key, file=sys.stderr)
os.system('echo "$TOKEN"; echo "$KEY" >&2')
warnings.warn(value)
logging.error("%s", key)
for part in (value[:5], value[5:]):
    print(part, end="", flush=True)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


@contextlib.contextmanager
def running_notebooks(folder: Path, python: Path) -> Iterator[Deployment]:
    deployment = Deployment(folder, python=str(python))
    try:
        yield deployment
    finally:
        deployment.close()


def keep(place: Deployment, name: str, value: str) -> None:
    with place.acting() as (session, person, project):
        secrets.put(session, Seal(place.state.secret_keys), project, name, value, person)


def again(place: Deployment, job_id: str, state: str) -> Job:
    """The job after its second attempt."""

    def look() -> Job | None:
        job = place.job(job_id)
        return job if job.state == state and len(job.attempts) == 2 else None

    return eventually(look)


def forget(place: Deployment, name: str) -> None:
    with place.acting() as (session, _, project):
        row = secrets.find(session, project.id, name)
        assert row
        secrets.delete(session, row, "ada")


def places_of(folder: Path, *values: str) -> list[str]:
    """The files that hold one of the values; nobody may write there any more."""
    wanted = [line.encode() for value in values for line in value.splitlines()]
    wanted += [json.dumps(line.decode())[1:-1].encode() for line in wanted]
    return [
        f"{file}: {value!r}"
        for file in folder.rglob("*")
        if file.is_file()
        for value in wanted
        if value in file.read_bytes()
    ]


def test_a_script_that_says_its_secrets_in_every_way(place: Deployment) -> None:
    keep(place, "TOKEN", VALUE)
    keep(place, "KEY", KEY)
    end = "raise ValueError(f'{value} and {key}')\n"
    job = place.submit(SAYS_IT + end, secrets=["TOKEN", "KEY"])
    place.start()
    ended = place.until(job, "failed")
    assert ended.failure and ended.failure.traceback
    assert ended.failure.reason.startswith("ValueError: *** and ***")
    assert "hunter2" not in repr(ended) + repr(place.events(job))
    place.kill()
    assert (place.state.workers / f"job-{job}-1-0/log").read_text().count("***") > 10
    assert not places_of(place.folder, VALUE, KEY)


def test_a_worker_that_writes_events_itself(place: Deployment) -> None:
    """The runtime of an older image knows nothing of secrets."""
    keep(place, "TOKEN", VALUE)
    code = """
    import json, os
    said = {"kind": "failed", "reason": os.environ["TOKEN"], "traceback": os.environ["TOKEN"]}
    with open(os.environ["LABDOCK_EVENTS"], "a") as events:
        events.write(json.dumps({"kind": "warning", "message": os.environ["TOKEN"]}) + "\\n")
        events.write(json.dumps(said) + "\\n")
    os._exit(1)
    """
    job = place.submit(code, secrets=["TOKEN"])
    place.start()
    ended = place.until(job, "failed")
    assert ended.failure and ended.failure.reason == "***"
    (warning,) = [event for event in place.events(job) if event.kind == "job.warning"]
    assert warning.data["message"] == "***"
    for database in place.state.root.glob("labdock.sqlite*"):
        assert b"hunter2" not in database.read_bytes()


@pytest.mark.tensorflow
def test_a_notebook_that_says_its_secrets_in_every_way(
    tensorflow_python: Path, tmp_path: Path
) -> None:
    notebook = tmp_path / "n.ipynb"
    shown = (
        "from IPython.display import HTML, display\ndisplay(HTML(f'<b>{value}</b>'), {1: value})"
    )
    write_notebook(notebook, SAYS_IT, f"{shown}\nvalue", "raise ValueError(value)")
    with running_notebooks(tmp_path / "deployment", tensorflow_python) as place:
        keep(place, "TOKEN", VALUE)
        keep(place, "KEY", KEY)
        snapshot = place.snapshot({"n.ipynb": notebook.read_text()}, "n.ipynb")
        with place.acting() as (session, person, _):
            row = snapshots.find(session, snapshot)
            assert row
            request = JobRequest(snapshot=row.id, secrets=["TOKEN", "KEY"])
            job = jobs.create(session, row, person, request).id
        place.start()
        ended = place.until(job, "failed")
        place.kill()
        executed = place.job_folder(job) / "artifacts/1/n.executed.ipynb"
        assert executed.read_text().count("***") > 10
        assert ended.failure and ended.failure.reason == "ValueError: ***"
        assert not places_of(place.folder, VALUE, KEY)


def test_ones_own_secret_comes_before_the_projects(place: Deployment) -> None:
    keep(place, "BOTH", "ada's own")
    job_id = place.submit("", secrets=["BOTH", "TEAMS"])
    seal = Seal(place.state.secret_keys)
    with place.acting() as (session, person, _):
        team = people.ensure_group_project(session, "vision")
        assert team
        for name in ("BOTH", "TEAMS"):
            secrets.put(session, seal, team, name, "the team's", person)
        job = jobs.find(session, job_id)
        assert job
        job.project_id = team.id
        assert secrets.value_for(session, seal, job, "BOTH") == "ada's own"
        assert secrets.value_for(session, seal, job, "TEAMS") == "the team's"
        with pytest.raises(secrets.Withheld):
            secrets.value_for(session, seal, job, "OTHER")
        session.rollback()


def test_the_value_at_the_start_of_each_attempt_counts(place: Deployment) -> None:
    keep(place, "TOKEN", "the first value")
    job = place.submit(
        "import os; raise SystemExit(os.environ['TOKEN'] != 'the second value')",
        secrets=["TOKEN"],
    )
    place.start()
    place.until(job, "failed")
    keep(place, "TOKEN", "the second value")
    place.retry(job)
    again(place, job, "succeeded")


def test_keys_are_renewed_while_a_job_waits(place: Deployment) -> None:
    keep(place, "TOKEN", VALUE)
    keep(place, "LOST", VALUE)
    with place.acting() as (session, _, project):
        lost = secrets.find(session, project.id, "LOST")
        assert lost
        lost.sealed = "rubbish"
    before = place.state.secret_keys.read_text().split()
    job = place.submit("import os; assert os.environ['TOKEN']", secrets=["TOKEN"])
    assert renew_keys(Settings(state=place.state, database_url=place.url)) == ["ada/LOST"]
    after = place.state.secret_keys.read_text().split()
    assert after[1:] == before
    place.state.secret_keys.write_text(after[0])
    place.start()
    place.until(job, "succeeded")


def test_a_secret_that_is_gone_fails_the_job_before_it_runs(place: Deployment) -> None:
    keep(place, "TOKEN", VALUE)
    job = place.submit("print('ran')", secrets=["TOKEN"], workers=2)
    forget(place, "TOKEN")
    place.start()
    ended = place.until(job, "failed")
    assert ended.failure
    assert ended.failure.reason == (
        "The secret TOKEN was deleted: set it again, then retry the job."
    )
    assert len(ended.attempts) == 1
    assert not list(place.state.workers.glob(f"job-{job}-*/log"))
    keep(place, "TOKEN", VALUE)
    place.state.secret_keys.unlink()
    place.retry(job)
    assert "set it again" in str(again(place, job, "failed").failure)
