"""Runs entries as people's notebooks are run: the client sends them, a deployment does the rest.

What came of a job is read where its owner reads it: in its record, history, logs, files and models.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.corpus.catalogue import Entry
from tests.support.deployment import Deployment
from tests.support.history import events_of, lines_of

from labdock import submission
from labdock.client import Client
from labdock.connection import Connection
from labdock.schema import ENDED, Event, Job, Resources
from labdock.servingschema import ModelCheck
from labdock.submission import Order, Step

Figures = dict[str, float]

CPUS = 0.5
"""Of a worker: on two cores four share the time in which one of them waits for another."""

TIME_LIMIT = 300.0
PATIENCE = 600.0
"""Seconds in which some job has to end."""

LOOK_SECONDS = 1.0
NO_NETWORK = "HTTPS_PROXY"
"""A secret of this name leads every download to a place where nobody listens."""

NOWHERE = "http://127.0.0.1:9"
FIGURE = r"^{name}: (-?[0-9.]+)$"
FINGERPRINT = r"^{name}: (\w+)$"


@dataclass(frozen=True)
class Outcome:
    """What came of a job: lists of each worker's, then what is the job's."""

    state: str
    exits: list[int | None]
    figures: list[Figures]
    weights: list[list[str]]
    logs: list[str]
    fits: list[Figures]
    reason: str
    warnings: list[str]
    models: dict[str, str]
    files: list[str]
    leftovers: list[str]
    seconds: float


Pair = tuple[Outcome, Outcome]
"""What came of an entry on one worker and on two."""


@dataclass(frozen=True)
class Desk:
    """A person with a token, at a deployment that runs."""

    client: Client
    jobs: Path
    """What the service keeps of jobs. It is looked at for backups, which nobody is shown."""

    def run(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Pair]]:
        """Submit all entries, and yield each as it ends."""
        self.client.set_secret(self.client.person, NO_NETWORK, NOWHERE)
        pending = {entry: self._submit(entry) for entry in entries}
        deadline = time.monotonic() + PATIENCE
        while pending:
            now = {job.id: job for job in self.client.jobs(limit=500)}
            for entry, ids in list(pending.items()):
                if all(now[name].state in ENDED for name in ids):
                    one, two = (self._gather(entry, now[name]) for name in ids)
                    yield entry, (one, two)
                    del pending[entry]
                    deadline = time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                raise AssertionError(f"these do not end: {[entry.name for entry in pending]}")
            time.sleep(LOOK_SECONDS)

    def _submit(self, entry: Entry) -> tuple[str, str]:
        order = Order(
            entry=entry.folder / entry.file,
            name=entry.name,
            resources=Resources(cpus=CPUS),
            time_limit=TIME_LIMIT,
            max_attempts=1,
            secrets=[NO_NETWORK] if entry.offline else [],
        )
        taken = submission.take(self.client, order, _say_nothing)
        one, two = (
            submission.submit(self.client, replace(order, workers=workers), taken, _say_nothing)
            for workers in (1, 2)
        )
        return one.id, two.id

    def _gather(self, entry: Entry, job: Job) -> Outcome:
        client, events = self.client, events_of(self.client, job.id)
        workers = job.attempts[-1].workers if job.attempts else []
        logs = ["\n".join(line.text for line in lines_of(client, job.id, w.rank)) for w in workers]
        models = map(client.model, job.models)
        return Outcome(
            state=job.state,
            exits=[worker.exit_code for worker in workers],
            figures=[printed(entry, log) for log in logs],
            weights=[weights(entry, events, rank, log) for rank, log in enumerate(logs)],
            logs=logs,
            fits=last_epochs(events),
            reason=job.failure.reason if job.failure else job.message,
            warnings=job.warnings,
            models={model.name: checked(model.check) for model in models},
            files=sorted(file.path for file in client.files(job.id)),
            leftovers=sorted(path.name for path in self.jobs.glob(f"{job.id}/checkpoints/*/*")),
            seconds=(job.ended or 0.0) - (job.started or job.created),
        )


def desk(deployment: Deployment) -> Desk:
    """The desk of the deployment's admin."""
    token = deployment.labdock("token", "admin").stdout.strip()
    return Desk(Client(Connection(deployment.url, token)), deployment.state.jobs)


def printed(entry: Entry, log: str) -> Figures:
    """The figures that an entry prints: of each name the last."""
    found = {name: _said(FIGURE, name, log) for name in entry.figures}
    return {name: float(values[-1]) for name, values in found.items() if values}


def weights(entry: Entry, events: list[Event], rank: int, log: str) -> list[str]:
    """The digests of a worker's weights: after each `fit`, and what a loop of its own prints."""
    told = [event.data for event in events if event.kind == "job.fit"]
    own = _said(FINGERPRINT, entry.fingerprint, log) if entry.fingerprint else []
    return [data["weights"] for data in told if data["rank"] == rank] + own


def last_epochs(events: list[Event]) -> list[Figures]:
    """The metrics at the end of each call of `fit`."""
    epochs = [event.data for event in events if event.kind == "job.epoch"]
    return list({data["fit"]: data["metrics"] for data in epochs}.values())


def checked(check: ModelCheck) -> str:
    """What came of asking an exported model and the one in memory the same."""
    return f"{check.state}. {check.reason}" if check.reason else check.state


def _said(pattern: str, name: str, log: str) -> list[str]:
    return re.findall(pattern.format(name=re.escape(name)), log, re.M)


def _say_nothing(step: Step) -> None:
    del step
