"""Jobs as a notebook holds them: wait, stop, retry, logs, files, deploy."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from labdock import schema, servingschema, session, wording
from labdock.client import Client, default_client
from labdock.errors import JobFailed, JobStopped, NotFound, ServiceUnavailable
from labdock.following import follow, follow_log, log_lines
from labdock.quantities import resources
from labdock.schema import ENDED, LogLine
from labdock.servingschema import DeployRequest

if TYPE_CHECKING:
    from labdock.serving import Endpoint


class Log:
    """A worker's log: go through it for its lines, or print it for its text."""

    def __init__(self, client: Client, job_id: str, rank: int, attempt: int | None) -> None:
        self.client = client
        self._job_id = job_id
        self._rank = rank
        self._attempt = attempt

    def __iter__(self) -> Iterator[LogLine]:
        """The lines that are there now."""
        log = self.client.log(self._job_id, rank=self._rank, attempt=self._attempt)
        with log as stream:
            yield from log_lines(stream)

    def follow(self) -> Iterator[LogLine]:
        """The lines that are there, and those that come, until the job's end."""
        return follow_log(self.client, self._job_id, rank=self._rank, attempt=self._attempt)

    def __str__(self) -> str:
        return "\n".join(wording.plain(line.text) for line in self)

    def __repr__(self) -> str:
        return str(self)


class Job:
    """A job. `record` is what was last seen of it; `state` and `progress` ask anew."""

    def __init__(self, record: schema.Job, client: Client) -> None:
        self.record = record
        self.client = client
        self.shown_in: int | None = None
        """The number of the cell that shows it."""

    @property
    def id(self) -> str:
        """The job's id, or as much of it as is needed, names it everywhere."""
        return self.record.id

    @property
    def name(self) -> str:
        """The job's name, by default that of its notebook or script."""
        return self.record.name

    @property
    def state(self) -> schema.JobState:
        """What the job does now: `queued`, `running`, `succeeded` and so on."""
        return self.refresh().record.state

    @property
    def progress(self) -> schema.Progress:
        """Epoch, step, metrics and seconds left, as far as they are known now."""
        return self.refresh().record.progress

    @property
    def tensorboard_url(self) -> str:
        """Where the curves of the job's project are."""
        return self.client.connection.for_people(self.record.tensorboard)

    def refresh(self) -> Job:
        """Ask for the job's record anew, unless it has ended."""
        if self.record.state not in ENDED:
            self.record = self.client.job(self.id)
        return self

    def wait(self, timeout: float | None = None) -> Job:
        """Wait until the job succeeded; raises JobFailed, JobStopped or StillRunning.

        Interrupting the wait leaves the job running.
        """
        if self.record.state not in ENDED:
            updates = follow(self.client, self.id, log=False, timeout=timeout)
            with contextlib.closing(updates):
                for update in updates:
                    if isinstance(update, schema.Job):
                        self.record = update
        if self.record.state == "failed":
            raise JobFailed(self.record)
        if self.record.state == "stopped":
            raise JobStopped(self.record)
        return self

    def watch(self) -> None:
        """Show the job here as it goes: progress, log, and buttons."""
        from labdock.watching import choose_view, show

        if view := choose_view(foreground=True):
            show(self, view)

    def stop(self) -> Job:
        """Stop the job; it keeps its checkpoints, so that `retry` goes on from there."""
        self.record = self.client.stop_job(self.id)
        return self

    def retry(self) -> Job:
        """Run a job that failed or was stopped again, from its last checkpoint."""
        self.record = self.client.retry_job(self.id)
        return self

    def delete(self) -> Job:
        """Delete the job, once it has ended; `restore` has it back for seven days."""
        self.record = self.client.delete_job(self.id)
        return self

    def restore(self) -> Job:
        """Have the job back after it was deleted."""
        self.record = self.client.restore_job(self.id)
        return self

    def logs(self, rank: int = 0, attempt: int | None = None) -> Log:
        """The log of one of the job's workers, by default the chief's over all attempts."""
        if rank or attempt:
            self._check(rank, attempt or 0)
        return Log(self.client, self.id, rank, attempt)

    def _check(self, rank: int, attempt: int) -> None:
        record = self.refresh().record
        if rank >= record.workers:
            count = _counted(record.workers, "worker")
            raise NotFound(f"Job {self.id} has {count}: the first has rank 0.")
        if attempt > len(record.attempts):
            raise NotFound(f"Job {self.id} has {_counted(len(record.attempts), 'attempt')}.")

    def files(self) -> list[schema.File]:
        """The files that the job wrote."""
        return self.client.files(self.id)

    def download(self, path: str | None = None, to: str | Path = ".") -> list[Path]:
        """Fetch one of the job's files, or all, into a folder; returns where they are."""
        names = [file.path for file in self.files() if path in (None, file.path)]
        if path is not None and not names:
            listing = f"`labdock files {self.id}` lists them"
            raise NotFound(f"Job {self.id} has no file {path}: {listing}.")
        return [self._fetch(name, Path(to)) for name in names]

    def _fetch(self, name: str, folder: Path) -> Path:
        target = folder / _within(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.client.download(self.id, name) as chunks, _whole(target) as file:
            for chunk in chunks:
                file.write(chunk)
        return target

    def models(self) -> list[servingschema.ModelVersion]:
        """The model versions that the job saved."""
        return [self.client.model(model) for model in self.refresh().record.models]

    def deploy(
        self,
        name: str,
        *,
        project: str | None = None,
        cpus: float | None = None,
        memory: int | str | None = None,
        gpus: int = 0,
        anyway: bool = False,
        wait: bool = True,
    ) -> Endpoint:
        """Put the model that the job saved last behind the endpoint of this name.

        With `anyway`, also one that answers otherwise than the model that was trained.
        """
        from labdock.serving import deploy

        each = resources(cpus, memory, gpus)
        request = DeployRequest(model=self.id, resources=each, anyway=anyway)
        return deploy(self.client, request, project or self.record.project, name, wait=wait)

    def __repr__(self) -> str:
        return f"<Job {wording.headline(self.record)}>"

    def _ipython_display_(self) -> None:
        """Show the job where a cell ends with it, unless that cell shows it already."""
        if self.shown_in is None or self.shown_in != session.cell_number():
            self.watch()


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _within(name: str) -> PurePosixPath:
    """The path of a file that a service names, which may not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ServiceUnavailable(f"The service named a file outside of the job's folder: {name}.")
    return path


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all."""
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        part = Path(file.name)
        try:
            yield file
        except BaseException:
            part.unlink()
            raise
    part.replace(target)


def jobs(
    project: str | None = None,
    *,
    state: schema.JobState | None = None,
    owner: str | None = None,
    limit: int = 50,
    deleted: bool = False,
) -> list[Job]:
    """Jobs, newest first: of one project, or of all that you see.

    With `deleted`, those that were deleted and can be restored.
    """
    client = default_client()
    found = client.jobs(project=project, state=state, owner=owner, limit=limit, deleted=deleted)
    return [Job(record, client) for record in found]


def job(job_id: str = "last") -> Job:
    """A job by its id, by the beginning of it, or `last` for your newest."""
    client = default_client()
    return Job(client.find_job(job_id), client)
