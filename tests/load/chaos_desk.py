"""The people of a chaos run: they submit jobs, look after them, stop some, and follow logs.

They use the client as everybody does. While the service is away they try again, as people do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tests.load.chaos_plan import Task
from tests.support.deployment import LABDOCK

from labdock import following, submission
from labdock.client import Client
from labdock.errors import LabdockError, ServiceUnavailable
from labdock.schema import ENDED, Job, LogLine, Resources
from labdock.submission import Order, Step

SCRIPTS = Path(__file__).parent / "scripts"
AT_ONCE = 10
"""Jobs that have been submitted and have not ended."""

CPUS = 0.25
"""Of a worker: eight of them share two cores, and a job waits now and then for its turn."""

LOOK_SECONDS = 0.5
PATIENCE = 300.0
FOLLOWED = 5
"""Every job of this number is followed from its start to its end, by a program or in a terminal."""


@dataclass
class Followed:
    """The lines that somebody who followed a job's log was shown."""

    job: str
    lines: list[LogLine] = field(default_factory=list)
    error: str = ""

    def follow(self, client: Client) -> None:
        """Read the log to the job's end, as `labdock.job(...).logs().follow()` does."""
        try:
            for line in following.follow_log(client, self.job, patience=PATIENCE):
                self.lines.append(line)
        except LabdockError as error:
            self.error = str(error)

    def follow_in_terminal(self, client: Client) -> None:
        """The same by the command line; again where the service was away when it started."""
        place = {"LABDOCK_URL": client.connection.hub, "LABDOCK_TOKEN": client.connection.token}
        deadline = time.monotonic() + PATIENCE
        over = False
        while not over and time.monotonic() < deadline:
            done = subprocess.run(
                [LABDOCK, "logs", self.job, "--follow", "--json"],
                env=os.environ | place,
                capture_output=True,
                check=False,
            )
            self.error = done.stderr.decode() if done.returncode else ""
            self.lines += map(_line, done.stdout.splitlines())
            over = not done.returncode or bool(self.lines)


def _line(text: bytes) -> LogLine:
    return msgspec.json.decode(text, type=LogLine)


@dataclass
class Desk:
    """Submits the tasks, a few at a time, and sees every job to its end."""

    client: Client
    tasks: list[Task]
    folder: Path
    jobs: dict[str, Job] = field(default_factory=dict)
    """The job of each task, by its name, as it was seen last."""
    followed: list[Followed] = field(default_factory=list)
    allowed: float = AT_ONCE
    """How many tasks may be submitted by now, so that there is work throughout the run."""
    refused: list[str] = field(default_factory=list)
    """Answers that no person should have got."""
    _asked: list[str] = field(default_factory=list)
    _followers: list[threading.Thread] = field(default_factory=list)
    _closed: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return sum(job.state in ENDED for job in list(self.jobs.values()))

    @property
    def done(self) -> bool:
        """Whether every task was submitted and has ended."""
        return self.ended == len(self.tasks)

    def start(self) -> threading.Thread:
        """Work in a thread of its own until all is done, or `close`."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Go home, and wait for those who still follow a log that has ended."""
        self._closed.set()
        for follower in self._followers:
            follower.join(30)

    def _work(self) -> None:
        while not self.done and not self._closed.is_set():
            for deed in (self._look, self._stop, self._submit):
                self._try(deed)
            self._closed.wait(LOOK_SECONDS)

    def _try(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except ServiceUnavailable:
            return
        except LabdockError as error:
            self.refused.append(f"{deed.__name__}: {error}")

    def _look(self) -> None:
        found = {job.name: job for job in self.client.jobs(limit=500)}
        for name, job in found.items():
            if name not in self.jobs:
                self._follow(self._asked.index(name), job)
        self.jobs |= found

    def _follow(self, number: int, job: Job) -> None:
        if number % FOLLOWED == 0:
            followed = Followed(job.id)
            in_terminal = number % (4 * FOLLOWED) == 0
            read = followed.follow_in_terminal if in_terminal else followed.follow
            self.followed.append(followed)
            self._followers.append(threading.Thread(target=read, args=(self.client,), daemon=True))
            self._followers[-1].start()

    def _stop(self) -> None:
        """What shall be stopped is, once its first epoch is over."""
        for task in self.tasks:
            job = self.jobs.get(task.name)
            if job and task.state == "stopped" and job.state == "running" and job.progress.epoch:
                self.client.stop_job(job.id)

    def _submit(self) -> None:
        """A submission whose answer was lost may have been made: the list tells, by its name."""
        for task in self.tasks:
            if len(self.jobs) >= min(self.ended + AT_ONCE, self.allowed):
                return
            if task.name in self.jobs:
                continue
            if task.name in self._asked:
                self._look()
                if task.name in self.jobs:
                    continue
            order = self._order(task)
            self._ask(task, order)

    def _ask(self, task: Task, order: Order) -> None:
        taken = submission.take(self.client, order, _say_nothing)
        if task.name not in self._asked:
            self._asked.append(task.name)
        submission.submit(self.client, order, taken, _say_nothing)
        self._look()

    def _order(self, task: Task) -> Order:
        return Order(
            entry=self._project(task) / task.script,
            name=task.name,
            workers=task.workers,
            resources=Resources(cpus=CPUS),
            arguments=task.arguments,
            time_limit=task.time_limit,
        )

    def _project(self, task: Task) -> Path:
        """The folder of its script, with a note that makes its source its own where it is."""
        folder = self.folder / (task.name if task.own_image else "common")
        if not folder.exists():
            shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
            if task.own_image:
                (folder / "note.txt").write_text(task.name)
        return folder


def _say_nothing(step: Step) -> None:
    del step
