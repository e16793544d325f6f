"""A job or an endpoint as it goes: its record at every change, and a job's log lines.

The streams go on where they were cut off, so that a service that restarts costs neither
a line nor a change. Nothing is polled.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from labdock import wording
from labdock.client import Client
from labdock.errors import LabdockError, ServiceUnavailable, StillRunning
from labdock.gridschema import Grid, ended
from labdock.schema import ENDED, Event, Job, LogLine
from labdock.servingschema import Endpoint
from labdock.sse import Message
from labdock.transport import Stream, decode

T = TypeVar("T")

BREATH = 1.0
"""Seconds between two looks at a grid, however much its jobs tell."""

PATIENCE = 300.0
"""Seconds without an answer after which following gives up."""

LOOK_ANYWAY = 10.0
"""Seconds without a word after which the record is looked at all the same."""


@dataclass(frozen=True)
class Trouble:
    """The service does not answer for now, and is asked again; no message when it does."""

    message: str | None


@dataclass(frozen=True)
class _Changed:
    """Something happened to what is followed."""


@dataclass(frozen=True)
class _LogEnded:
    """The log has no further line."""


Update = Job | LogLine | Trouble
_Found = LogLine | Trouble | _Changed | _LogEnded | LabdockError


@dataclass
class _Lost:
    """Since when the service has not answered, and how often it was tried."""

    patience: float
    since: float | None = None
    tries: int = 0

    def again(self, error: ServiceUnavailable, stopped: threading.Event) -> None:
        """Wait before another try, longer each time; raise when the patience is over."""
        now = time.monotonic()
        self.since = self.since or now
        if now - self.since > self.patience:
            raise error
        self.tries += 1
        stopped.wait(min(0.1 * 2**self.tries, 2.0))

    def found(self) -> None:
        """Note that the service answers."""
        self.since, self.tries = None, 0


@dataclass
class Hold:
    """Streams that threads read, to be ended by another thread."""

    stopped: threading.Event = field(default_factory=threading.Event)
    _streams: list[Stream] = field(default_factory=list)

    @contextlib.contextmanager
    def open(self, opening: AbstractContextManager[Stream]) -> Iterator[Stream]:
        """Open a stream that `end` ends."""
        with opening as stream:
            self._streams.append(stream)
            if self.stopped.is_set():
                stream.end()
            try:
                yield stream
            finally:
                self._streams.remove(stream)

    def end(self) -> None:
        """End all of them."""
        self.stopped.set()
        for stream in list(self._streams):
            stream.end()


def follow_log(
    client: Client,
    job_id: str,
    *,
    rank: int = 0,
    attempt: int | None = None,
    patience: float = PATIENCE,
    hold: Hold | None = None,
) -> Iterator[LogLine]:
    """A worker's log lines as they are written, until the job's end, each of them once."""
    hold, lost, cursor = hold or Hold(), _Lost(patience), None
    while not hold.stopped.is_set():
        try:
            log = client.log(job_id, rank=rank, attempt=attempt, after=cursor, follow=True)
            with hold.open(log) as stream:
                for line in log_lines(stream):
                    lost.found()
                    cursor = line.cursor
                    yield line
            return
        except ServiceUnavailable as error:
            lost.again(error, hold.stopped)


def log_lines(stream: Stream) -> Iterator[LogLine]:
    """The lines of an open log; one that stops without saying so was cut off."""
    for message in stream:
        if message.event == "end":
            return
        if message.event == "line":
            yield decode(message.data, LogLine)
    raise _cut_off()


def _cut_off() -> ServiceUnavailable:
    return ServiceUnavailable("Labdock's service ended the connection.", passing=True)


class _Follower:
    """Threads that read the streams, and what they found."""

    def __init__(self, client: Client, patience: float, timeout: float | None) -> None:
        self._client = client
        self._patience = patience
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._hold = Hold()
        self._changed = threading.Event()
        self._found: queue.SimpleQueue[_Found] = queue.SimpleQueue()

    def __enter__(self) -> _Follower:
        return self

    def __exit__(self, *error: object) -> None:
        self._hold.end()

    def next(self) -> LogLine | Trouble | _Changed | _LogEnded:
        """What was found next; a look is due where nothing was for a while."""
        wait = LOOK_ANYWAY
        if self._deadline is not None:
            wait = min(wait, self._deadline - time.monotonic())
            if wait <= 0:
                raise StillRunning("The time to wait was over before the end came.")
        try:
            found = self._found.get(timeout=wait)
        except queue.Empty:
            return _Changed()
        if isinstance(found, LabdockError):
            raise found
        if isinstance(found, _Changed):
            self._changed.clear()  # what happens from here on is told anew
        return found

    def read_log(self, job_id: str) -> None:
        """Read the job's log in a thread of its own."""

        def read() -> None:
            patience, hold = self._patience, self._hold
            for line in follow_log(self._client, job_id, patience=patience, hold=hold):
                self._found.put(line)
            self._found.put(_LogEnded())

        self._start(read)

    def read_events(
        self,
        concerns: Callable[[Message], bool],
        *,
        job: str | None = None,
        project: str | None = None,
    ) -> None:
        """Read a job's or a project's events in a thread of its own; tell of those that concern."""

        def read() -> None:
            lost, last_id = _Lost(self._patience), None
            while not self._hold.stopped.is_set():
                try:
                    events = self._client.events(job=job, project=project, last_id=last_id)
                    with self._hold.open(events) as stream:
                        self._answers(lost)
                        for message in stream:
                            last_id = message.id or last_id
                            if concerns(message):
                                self._tell_change()
                        raise _cut_off()
                except ServiceUnavailable as error:
                    self._lose(lost, error)

        self._start(read)

    def _start(self, read: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                read()
            except LabdockError as error:
                self._found.put(error)

        threading.Thread(target=guarded, daemon=True, name="labdock").start()

    def _tell_change(self) -> None:
        if not self._changed.is_set():
            self._changed.set()
            self._found.put(_Changed())

    def _answers(self, lost: _Lost) -> None:
        lost.found()
        self._tell_change()

    def _lose(self, lost: _Lost, error: ServiceUnavailable) -> None:
        if lost.since is None and not self._hold.stopped.is_set():
            self._found.put(Trouble(wording.again(error)))
        lost.again(error, self._hold.stopped)


def follow(
    client: Client,
    job_id: str,
    *,
    log: bool = True,
    timeout: float | None = None,
    patience: float = PATIENCE,
) -> Generator[Update, None, None]:
    """The job at every change, and its log lines, until it has ended and the log is read.

    After `timeout` seconds it raises StillRunning.
    """
    log_ended, lost = not log, False
    with _Follower(client, patience, timeout) as follower:
        follower.read_events(lambda _: True, job=job_id)
        if log:
            follower.read_log(job_id)
        while True:
            found = follower.next()
            if isinstance(found, LogLine | Trouble):
                lost = isinstance(found, Trouble) or lost
                yield found
                continue
            log_ended = log_ended or isinstance(found, _LogEnded)
            job = _look(lambda: client.job(job_id))
            if job is None:
                continue
            if lost:
                lost = False
                yield Trouble(None)
            yield job
            if log_ended and job.state in ENDED:
                return


def follow_endpoint(
    client: Client, project: str, name: str, *, timeout: float | None = None
) -> Generator[Endpoint, None, None]:
    """The endpoint at every change, for ever or until `timeout` raises StillRunning."""
    with _Follower(client, PATIENCE, timeout) as follower:
        follower.read_events(_concerns_no_job, project=project)
        while True:
            if isinstance(follower.next(), _Changed):
                endpoint = _look(lambda: client.endpoint(project, name))
                if endpoint is not None:
                    yield endpoint


def _concerns_no_job(message: Message) -> bool:
    return not message.event.startswith("job.")


def follow_grid(
    client: Client, grid: Grid, *, timeout: float | None = None, patience: float = PATIENCE
) -> Generator[Grid | Trouble, None, None]:
    """The grid as its jobs change, once a second at most, until all of them have ended.

    After `timeout` seconds it raises StillRunning.
    """
    jobs = {job.id for job in grid.jobs}
    lost, looked = False, float("-inf")
    with _Follower(client, patience, timeout) as follower:
        follower.read_events(
            lambda message: decode(message.data, Event).job in jobs, project=grid.project
        )
        while True:
            found = follower.next()
            if isinstance(found, Trouble):
                lost = True
                yield found
                continue
            time.sleep(max(0.0, looked + BREATH - time.monotonic()))
            looked = time.monotonic()
            now = _look(lambda: client.grid(grid.id))
            if now is None:
                continue
            if lost:
                lost = False
                yield Trouble(None)
            yield now
            if ended(now):
                return


def _look(look: Callable[[], T]) -> T | None:
    """The record now; none where the service is away, of which the events' thread tells."""
    try:
        return look()
    except ServiceUnavailable:
        return None
