"""What can be seen of a job from outside when it is over: through the API, as people see it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.load.chaos_plan import Task
from tests.support.history import events_of, lines_of

from labdock.client import Client
from labdock.errors import NotFound
from labdock.schema import Event, Job, LogLine

Worker = tuple[int, int]
"""Attempt and rank."""


@dataclass
class Evidence:
    """A job, its history, its logs and its result."""

    task: Task
    job: Job
    events: list[Event]
    logs: dict[Worker, list[LogLine]] = field(default_factory=lambda: defaultdict(list))
    value: Any = None

    def lines_of_chief(self) -> list[LogLine]:
        """The job's own log, over all attempts."""
        return [line for (_, rank), log in self.logs.items() if rank == 0 for line in log]

    def kinds(self) -> list[str]:
        """What happened, in order."""
        return [event.kind for event in self.events]


def gather(client: Client, task: Task, job_id: str) -> Evidence:
    """Ask for all there is of one job."""
    job = client.job(job_id)
    found = Evidence(task, job, events_of(client, job_id), value=_value(client, job_id))
    for rank in range(job.workers):
        for line in lines_of(client, job_id, rank):
            found.logs[line.attempt, rank].append(line)
    return found


def _value(client: Client, job_id: str) -> Any:
    try:
        with client.download(job_id, "result.json") as pieces:
            return json.loads(b"".join(pieces))["value"]
    except NotFound:
        return None
