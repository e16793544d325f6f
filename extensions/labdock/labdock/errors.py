"""The errors of the client, each with the exit code that the command line gives it.

```
LabdockError
├── Mistake (2)              something to do differently; the message says what
│   ├── NotConnected         no address or token of a Labdock to talk to
│   ├── UnsavedNotebook      an executed cell differs from the file on disk
│   ├── NotFound             not there, or not for you to see
│   ├── NotAllowed           seen, but not yours to change
│   └── Conflict             clashes with what is there
├── Unfinished (1)           what was waited for did not end well
│   ├── JobFailed            the job failed; `.job` has its failure
│   ├── JobStopped           someone stopped the job
│   ├── DeployFailed         the revision did not come up
│   └── StillRunning         the time to wait was over first
└── ServiceUnavailable (3)   the service does not answer, or not as it should
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labdock.schema import Job


class LabdockError(Exception):
    """Base of all of them; `str(error)` is a sentence that says what to do."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Show the sentence alone in a notebook, where IPython asks for this."""
        return [f"{type(self).__name__}: {self}"]


class Mistake(LabdockError):
    """Something to do differently; the message says what.

    `field` is the part of what was asked for that it is about, where it is about one.
    """

    exit_code = 2

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotConnected(Mistake):
    """There is no address or token of a Labdock to talk to."""


class UnsavedNotebook(Mistake):
    """An executed cell differs from the notebook's file on disk."""


class NotFound(Mistake):
    """Not there, or not for you to see."""


class NotAllowed(Mistake):
    """You see it, and it is not yours to change; or the token was refused."""


class Conflict(Mistake):
    """Clashes with what is there."""


class Unfinished(LabdockError):
    """What was waited for did not end well."""


class JobFailed(Unfinished):
    """The job failed. `job` is its record, with the failure and the person's traceback."""

    def __init__(self, job: Job) -> None:
        failure = job.failure
        super().__init__(failure.reason if failure else job.message or f"Job {job.id} failed.")
        self.job = job

    @property
    def traceback(self) -> list[str]:
        """The person's own traceback, line by line, where the job left one."""
        failure = self.job.failure
        return (failure.traceback or "").splitlines() if failure else []

    def _render_traceback_(self) -> list[str]:
        """Show the traceback from the job, which is the one that the person looks for."""
        return [*self.traceback, *super()._render_traceback_()]


class JobStopped(Unfinished):
    """Someone stopped the job. `job` is its record."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.message or f"Job {job.id} was stopped.")
        self.job = job


class DeployFailed(Unfinished):
    """The new revision did not come up; the endpoint serves what it served before."""


class StillRunning(Unfinished, TimeoutError):
    """The time to wait was over before the end came."""


class ServiceUnavailable(LabdockError):
    """The service does not answer, or not as it should.

    `passing` says whether it may answer again soon: then a request is worth another try.
    `unsure` says that it may have done what it was asked for all the same. `wait` is the seconds
    after which it takes more requests, where there were too many: then it has done nothing.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, passing: bool = False, unsure: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(message)
        self.passing = passing
        self.unsure = unsure
        self.wait = wait
