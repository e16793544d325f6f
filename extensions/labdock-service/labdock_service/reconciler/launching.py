"""From a worker's record to the worker itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from labdock.parameters import effective
from labdock_service.engines.base import WorkerSpec
from labdock_service.errors import EngineAway, EngineFailed, ImageGone
from labdock_service.homes import root_links
from labdock_service.packaging.environments import PinnedEnvironment, find_environments
from labdock_service.packaging.layers import ROOT
from labdock_service.packaging.request import jobs_repository
from labdock_service.reconciler import handing
from labdock_service.reconciler.modelservers import (
    IMAGE_PYTHON,
    fall_back,
    image_server_spec,
    server_spec,
)
from labdock_service.reconciler.parts import Parts, apart, log
from labdock_service.reconciler.states import note
from labdock_service.reconciler.watching import Watcher
from labdock_service.serving.revisions import START_SECONDS
from labdock_service.store import leases, snapshots, workers
from labdock_service.store.secrets import Withheld
from labdock_service.store.tables import AttemptRow, JobRow, RevisionRow, WorkerRow

JOB_GRACE = 30.0
"""Seconds that a job's worker has to keep a checkpoint after SIGTERM."""
REFUSED = 64
"""The exit code of a worker that refuses its job."""


@dataclass
class Launcher:
    """Starts what is recorded and not there, however often it takes."""

    parts: Parts
    watcher: Watcher

    def advance(self) -> None:
        """Start every recorded worker that the engine does not have."""
        with self.parts.store.read() as session:
            rows = [row for row in workers.live(session) if self._is_missing(row)]
        for row in rows:
            with apart(f"Worker {row.id}"):
                self._start(row)

    def _is_missing(self, row: WorkerRow) -> bool:
        return row.state == "starting" and row.id not in self.watcher.seen

    def _start(self, row: WorkerRow) -> None:
        try:
            with self.parts.store.read() as session:
                spec = self._limited(session, row)
            for _ in self.parts.engine.start(spec):
                continue
        except ImageGone as error:
            self._have_made_again(row, str(error))
            self._give_up(row, str(error))
        except EngineAway as error:
            log.warning("Worker %s waits: %s", row.id, error)
            self._let_wait(row, str(error))
        except EngineFailed as error:
            log.warning("Worker %s did not start: %s", row.id, error)
            self._give_up(row, str(error))
        except Withheld as error:
            self._refuse(row, str(error))

    def _refuse(self, row: WorkerRow, reason: str) -> None:
        """End a worker as one that refused its job itself."""
        with self.parts.write() as session:
            fresh = session.get_one(WorkerRow, row.id)
            fresh.state, fresh.ended, fresh.exit_code = "ended", self.parts.clock(), REFUSED
            attempt = session.get_one(AttemptRow, (row.job_id, row.attempt))
            said = {"reason": reason, "exit": REFUSED}
            attempt.failures = attempt.failures | {str(row.rank): said}

    def _let_wait(self, row: WorkerRow, why: str) -> None:
        """Tell the job's people, and let the time that a gang has to start begin later."""
        if row.job_id is None:
            self._let_revision_wait(row, why)
            return
        now, patience = self.parts.clock(), self.parts.limits.gang_timeout
        with self.parts.store.read() as session:
            began = session.get_one(AttemptRow, (row.job_id, row.attempt)).planned
            told = session.get_one(JobRow, row.job_id).message == why
        if told and now < began + patience / 2:
            return
        with self.parts.write() as session:
            session.get_one(AttemptRow, (row.job_id, row.attempt)).planned = now
            if not told:
                note(session, session.get_one(JobRow, row.job_id), why)

    def _let_revision_wait(self, row: WorkerRow, why: str) -> None:
        """The same for a revision, and the time that its model server has."""
        now = self.parts.clock()
        with self.parts.store.read() as session:
            revision = session.get_one(RevisionRow, row.revision_id)
        if revision.message == why and now < revision.changed + START_SECONDS / 2:
            return
        with self.parts.write() as session:
            fresh = session.get_one(RevisionRow, row.revision_id)
            fresh.message, fresh.changed = why, now

    def _have_made_again(self, row: WorkerRow, why: str) -> None:
        """Have a job's image made again before its next attempt, and a model served without it."""
        with self.parts.write() as session:
            if row.job_id is None:
                revision = session.get_one(RevisionRow, row.revision_id)
                if revision.image:
                    fall_back(revision, why)
                return
            snapshot = session.get_one(JobRow, row.job_id).snapshot
            if snapshot.state == "ready":
                snapshots.package_again(snapshot)

    def _give_up(self, row: WorkerRow, reason: str) -> None:
        with self.parts.write() as session:
            fresh = session.get_one(WorkerRow, row.id)
            fresh.state, fresh.ended, fresh.reason = "ended", self.parts.clock(), reason

    def _limited(self, session: Session, row: WorkerRow) -> WorkerSpec:
        """The spec of a worker: one without a limit of its own has that of all together."""
        spec = self._spec(session, row)
        return replace(spec, memory=spec.memory or int(self.parts.limits.memory or 0))

    def _spec(self, session: Session, row: WorkerRow) -> WorkerSpec:
        """What to start. Raises EngineFailed with what it lacks, and Withheld for a secret."""
        devices = leases.devices(session, row.id)
        if row.revision_id is not None:
            revision = session.get_one(RevisionRow, row.revision_id)
            return self._server_spec(row, revision, devices)
        job = session.get_one(JobRow, row.job_id)
        environment = self._environment(job.snapshot.environment)
        handing.show(self.parts.drawn_curves(job), row.attempt, self.parts.shown_curves(job))
        gang = workers.of_attempt(session, job.id, row.attempt)
        values = self.watcher.secrets.open(session, job)
        program = job_program(self.parts, job, environment)
        return job_spec(self.parts, row, gang, job, program, devices, values)

    def _server_spec(
        self, row: WorkerRow, revision: RevisionRow, devices: tuple[str, ...]
    ) -> WorkerSpec:
        if revision.image and self.parts.engine.environments == "image":
            return image_server_spec(self.parts.state, row, revision, devices)
        environment = self._environment(revision.model.job.snapshot.environment)
        return server_spec(self.parts.state, row, revision, environment, devices)

    def _environment(self, digest: str) -> PinnedEnvironment:
        for environment in find_environments(self.parts.state, self.parts.engine.environments):
            if environment.digest == digest:
                return environment
        raise EngineFailed(f"the environment {digest[:19]}… is no longer installed")


@dataclass(frozen=True)
class Program:
    """Where an engine's workers find what they run: in the image, where there is one."""

    python: str
    layers: Mapping[str, Path]
    image: str = ""


def job_program(parts: Parts, job: JobRow, environment: PinnedEnvironment) -> Program:
    """A job's program: its image in the registry, or its layers unpacked on this machine."""
    if parts.registry is None:
        return Program(str(environment.python), parts.layers(job.snapshot))
    inside = {role: Path("/", ROOT, role) for role in ("runtime", "dependencies", "code")}
    repository = f"{parts.registry.address}/{jobs_repository(job.project_id)}"
    return Program(IMAGE_PYTHON, inside, f"{repository}@{job.snapshot.image}")


def job_spec(
    parts: Parts,
    worker: WorkerRow,
    gang: Sequence[WorkerRow],
    job: JobRow,
    program: Program,
    devices: tuple[str, ...],
    secrets: dict[str, str],
) -> WorkerSpec:
    """A worker of a job: the runtime, with the job's image and its folders."""
    state = parts.state
    folder = parts.job_folder(job.id)
    downloads = state.root / "downloads" / job.project_id
    return WorkerSpec(
        id=worker.id,
        image=program.image,
        argv=(program.python, "-m", "labdock_runtime"),
        python_path=(program.layers["runtime"], program.layers["dependencies"]),
        code=program.layers["code"],
        environment={
            **_job_environment(worker, gang, job, parts.limits.gang_timeout),
            "LABDOCK_ARTIFACTS": str(folder / "artifacts"),
        },
        secrets=secrets,
        links=root_links(state.data_roots, [] if job.project.person_id else [job.project.name]),
        outputs={
            "LABDOCK_TENSORBOARD": handing.curves(parts.drawn_curves(job), worker.attempt),
            "LABDOCK_CHECKPOINTS": handing.checkpoints(folder, worker.attempt),
            "LABDOCK_MODELS": folder / "models" / str(worker.attempt),
            "KERAS_HOME": downloads / "keras",
            "TFDS_DATA_DIR": downloads / "tensorflow-datasets",
        },
        group=f"job-{job.id}-{worker.attempt}",
        labels={"job": job.id, "attempt": str(worker.attempt), "rank": str(worker.rank)},
        node=worker.node,
        devices=devices,
        cpus=job.cpus,
        memory=job.memory,
        grace=JOB_GRACE,
    )


def _job_environment(
    worker: WorkerRow, gang: Sequence[WorkerRow], job: JobRow, gang_timeout: float
) -> dict[str, str]:
    known = snapshots.parameters(job.snapshot) or []
    environment = {
        "LABDOCK_ENTRY": job.snapshot.entry,
        "LABDOCK_ARGUMENTS": json.dumps(job.arguments),
        "LABDOCK_PARAMETERS": json.dumps(job.parameters),
        "LABDOCK_HYPERPARAMETERS": json.dumps(effective(known, job.parameters)),
        "LABDOCK_JOB": job.id,
        "LABDOCK_ATTEMPT": str(worker.attempt),
        "LABDOCK_RANK": str(worker.rank),
        "LABDOCK_WORKERS": str(job.workers),
        "LABDOCK_BACKUP_EVERY": str(job.backup_every or ""),
        "LABDOCK_GANG_TIMEOUT": f"{gang_timeout:g}",
        "LABDOCK_DISABLE": ",".join(job.disable),
        "LABDOCK_SECRETS": ",".join(job.secrets),
    }
    if job.workers > 1:
        environment["TF_CONFIG"] = json.dumps(tf_config(gang, worker.rank))
    return environment


def tf_config(gang: Sequence[WorkerRow], rank: int) -> dict[str, Any]:
    """The gang, for one of its workers; the first is the chief, as in rank 0."""
    return {
        "cluster": {"worker": [worker.address for worker in gang]},
        "task": {"type": "worker", "index": rank},
    }
