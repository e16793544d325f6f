"""A deployment of the reconciler alone: its real process, real packaging, real workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from tests.support import workers
from tests.support.stores import every_project

import labdock_runtime
from labdock.digests import sha256
from labdock.schema import (
    ENDED,
    Event,
    Job,
    JobRequest,
    Requirements,
    Resources,
    Source,
    SourceFile,
)
from labdock.servingschema import Revision
from labdock.snapshot import source_digest
from labdock_service import processes
from labdock_service.engines.base import Engine
from labdock_service.engines.process import ProcessEngine
from labdock_service.packaging.sourcecode import runtime_version
from labdock_service.reconciler.loop import Reconciler, own_pipe
from labdock_service.reconciler.parts import Limits, Parts
from labdock_service.serving.tables import Target, read_endpoints
from labdock_service.statefolder import StateFolder
from labdock_service.store import (
    Store,
    endpoints,
    events,
    jobs,
    models,
    people,
    snapshots,
    sources,
)
from labdock_service.store.tables import PersonRow, ProjectRow
from labdock_service.wakeup import wake

ENVIRONMENT = "sha256:" + "e" * 64
RUNTIME = runtime_version(Path(labdock_runtime.__file__).parent)

eventually = partial(workers.eventually, seconds=120.0)
"""What is looked for, as soon as it is there; the machine may be busy with other tests."""


@dataclass
class Deployment:
    """The state folder of a test, and whoever works on it."""

    folder: Path
    python: str = sys.executable
    settings: dict[str, str] = field(default_factory=dict)
    """More variables for the reconciler."""
    url: str = ""
    """The database; SQLite in the state folder where it is empty."""
    image: str = ""
    """What a worker by hand starts from, on a container engine."""

    def __post_init__(self) -> None:
        self.state = StateFolder(self.folder / "state")
        self.url = self.url or f"sqlite:///{self.state.database}"
        self.store = Store(self.url)
        self.store.upgrade()
        self.engine = self._make_engine()
        self.pipe = self.state.run / "reconciler.pipe"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._make_environment()

    def _make_engine(self) -> Engine:
        return ProcessEngine(self.state)

    def _make_environment(self) -> None:
        folder = self.state.environments / ENVIRONMENT.removeprefix("sha256:")
        body = {
            "name": "plain",
            "title": "Python alone",
            "digest": ENVIRONMENT,
            "packages": {},
            "default": True,
            **self._describe_environment(folder),
        }
        (folder / "environment.json").write_text(json.dumps(body))

    def _describe_environment(self, folder: Path) -> dict[str, object]:
        (folder / "venv/bin").mkdir(parents=True)
        python = folder / "venv/bin/python"
        python.write_text(f'#!/bin/sh\nexec "{self.python}" "$@"\n')
        python.chmod(0o755)
        return {"python": ".".join(map(str, sys.version_info[:3]))}

    # The reconciler

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the reconciler as the hub does."""
        log = (self.folder / "reconciler.log").open("ab")
        environment = os.environ | {
            "LABDOCK_SETTINGS": str(self.folder / "labdock.toml"),
            "LABDOCK_STATE": str(self.state.root),
            "LABDOCK_DATABASE_URL": self.url,
            "LABDOCK_LIMITS__CPUS": "2",
            **self.settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "labdock_service.reconciler", *arguments],
            env=environment,
            stderr=log,
        )
        self._processes.append(process)
        return process

    def running(self) -> list[int]:
        """Process ids of the reconcilers that were started, the latest last."""
        return [process.pid for process in self._processes]

    def kill(self) -> None:
        """kill -9 the reconciler."""
        self._processes[-1].kill()
        self._processes[-1].wait()

    def log(self) -> str:
        log = self.folder / "reconciler.log"
        return log.read_text() if log.exists() else ""

    def close(self) -> None:
        """End everything that this deployment started."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()
        for worker in self.engine.look():
            if worker.state != "ended":
                self.engine.kill(worker.id)
        eventually(lambda: all(worker.state == "ended" for worker in self.engine.look()))
        self.store.close()

    # What people do

    @contextlib.contextmanager
    def acting(self) -> Iterator[tuple[Session, PersonRow, ProjectRow]]:
        """A write as the API does it: as Ada, and the reconciler is woken."""
        with self.store.write() as session:
            person = people.ensure_person(session, "ada", "2026-01-01T00:00:00Z")
            yield session, person, people.personal_project(session, person)
        wake(self.pipe)

    def snapshot(self, files: dict[str, str], entry: str) -> str:
        listed = [self._upload(path, text) for path, text in sorted(files.items())]
        requirements = Requirements()
        digest = source_digest(entry, listed, requirements)
        source = Source(digest=digest, entry=entry, files=listed, requirements=requirements)
        with self.acting() as (session, person, project):
            sources.save(session, project.id, source)
            sizes = {file.digest: file.size for file in listed if file.digest}
            sources.add_blobs(session, project.id, sizes)
            row = snapshots.request(
                session,
                project.id,
                person,
                source,
                environment=ENVIRONMENT,
                foundation=ENVIRONMENT,
                runtime=RUNTIME,
            )
            return row.id

    def _upload(self, path: str, text: str) -> SourceFile:
        content = textwrap.dedent(text).encode()
        digest = sha256(content)
        self.state.blobs.mkdir(parents=True, exist_ok=True)
        self.state.blob(digest).write_bytes(content)
        return SourceFile(path=path, size=len(content), digest=digest)

    def submit(self, code: str, **request: Any) -> str:
        """A job that runs this script."""
        snapshot_id = self.snapshot({"train.py": code}, "train.py")
        with self.acting() as (session, person, _):
            row = snapshots.find(session, snapshot_id)
            assert row
            return jobs.create(session, row, person, JobRequest(snapshot=row.id, **request)).id

    def stop(self, job_id: str) -> None:
        with self.acting() as (session, _, _):
            row = jobs.find(session, job_id)
            assert row
            jobs.request_stop(session, row, "ada")

    def retry(self, job_id: str) -> None:
        with self.acting() as (session, _, _):
            row = jobs.find(session, job_id)
            assert row
            jobs.request_retry(session, row, "ada")

    def model(self, text: str, **said: Any) -> str:
        """A model version named `m` with this content, made by a job that says this of it."""
        job = self.submit(
            f"""
            import json, os, pathlib
            version = pathlib.Path(os.environ["LABDOCK_MODELS"], "m")
            version.mkdir()
            (version / "saved_model.pb").write_text({text!r})
            version.with_suffix(".json").write_text(json.dumps({ {"name": "m", **said}!r}))
            """
        )
        return self.until(job, "succeeded").models[0]

    def deploy(self, model_id: str, *, anyway: bool = False) -> str:
        """A new revision of the endpoint `ada/digits`."""
        with self.acting() as (session, person, project):
            model = models.find(session, model_id)
            assert model
            endpoint = endpoints.ensure(session, project, "digits", person)
            made = endpoints.deploy(session, endpoint, model, Resources(), "ada", anyway=anyway)
            return made.id

    def undo(self) -> None:
        with self.acting() as (session, _, project):
            endpoint = endpoints.find_named(session, project.id, "digits")
            assert endpoint
            endpoints.undo(session, endpoint, "ada")

    def delete_endpoint(self) -> None:
        with self.acting() as (session, _, project):
            endpoint = endpoints.find_named(session, project.id, "digits")
            assert endpoint
            endpoints.delete(session, endpoint, "ada")

    def stop_revision(self, revision_id: str) -> None:
        """As an admin does."""
        with self.acting() as (session, _, _project):
            revision = endpoints.find_revision(session, revision_id)
            assert revision
            endpoints.stop(session, revision, "root")

    # What people see

    def revision(self, revision_id: str) -> Revision:
        with self.store.read() as session:
            row = endpoints.find_revision(session, revision_id)
            assert row
            return endpoints.revision_view(row)

    def until_revision(self, revision_id: str, state: str) -> Revision:
        def look() -> Revision | None:
            revision = self.revision(revision_id)
            return revision if revision.state == state else None

        return eventually(look)

    def targets(self) -> list[Target]:
        """Who answers for the endpoint, by the router's table."""
        return [target for route in read_endpoints(self.state.run) for target in route.traffic]

    def job(self, job_id: str) -> Job:
        with self.store.read() as session:
            row = jobs.find(session, job_id)
            assert row
            return jobs.view(session, row)

    def until(self, job_id: str, *states: str) -> Job:
        """The job, once it is in one of these states; in any other end it fails at once."""

        def look() -> Job | None:
            job = self.job(job_id)
            if job.state in states:
                return job
            assert job.state not in ENDED, f"{job.state}: {job.message}\n{self.log()}"
            return None

        return eventually(look)

    def events(self, job_id: str) -> list[Event]:
        with self.store.read() as session:
            return events.after(session, every_project(session), 0, job=job_id)

    def kinds(self, job_id: str) -> list[str]:
        return [event.kind for event in self.events(job_id)]

    def job_folder(self, job_id: str) -> Path:
        return self.state.jobs / job_id

    def supervisor(self, worker: str) -> int:
        """The process id of a worker's supervisor."""
        status = json.loads((self.state.workers / worker / "status.json").read_text())
        return int(status["supervisor"])

    def strike(self, worker: str) -> None:
        """kill -9 to a worker's own process."""
        os.kill(self.worker_pid(worker), signal.SIGKILL)

    def strike_supervisor(self, worker: str) -> None:
        """kill -9 to what looks after it."""
        os.kill(self.supervisor(worker), signal.SIGKILL)

    def is_gone(self, worker: str) -> bool:
        """Whether nothing of it runs any more."""
        return gone(self.worker_pid(worker))

    def worker_pid(self, worker: str) -> int:
        status = json.loads((self.state.workers / worker / "status.json").read_text())
        return int(status["pid"])


@contextlib.contextmanager
def deployed(folder: Path, url: str = "", **settings: str) -> Iterator[Deployment]:
    """A deployment that leaves nothing running, and whose reconciler saw no error of its own."""
    deployment = Deployment(folder, settings=settings, url=url)
    try:
        yield deployment
        assert "Traceback" not in deployment.log()
    finally:
        deployment.close()


def make(
    place: Deployment,
    store: Store | None = None,
    engine: Engine | None = None,
    gang_timeout: float = 120.0,
) -> Reconciler:
    """A reconciler in this process, of whose passes the test decides."""
    store = store or Store(place.url)
    return Reconciler(
        Parts(
            store=store,
            fence=store.take_fence(),
            engine=engine or ProcessEngine(place.state, own_pipe(place.state)),
            state=place.state,
            limits=Limits(cpus=2, gang_timeout=gang_timeout),
        )
    )


@contextlib.contextmanager
def reconciling(reconciler: Reconciler) -> Iterator[None]:
    try:
        yield
    finally:
        reconciler.close()


def run_until(place: Deployment, reconciler: Reconciler, job: str) -> None:
    """Make passes until the job has ended."""

    def look() -> bool:
        reconciler.settle()
        return place.job(job).ended is not None

    with reconciling(reconciler):
        eventually(look)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    started = processes.start_time(pid)
    return started is None or not processes.alive(pid, started)
