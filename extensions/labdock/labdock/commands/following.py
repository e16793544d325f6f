"""Following in a terminal: a spinner for what takes long, and a job with its progress and log."""

from __future__ import annotations

import collections
import contextlib
import sys
import threading
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import click

from labdock import schema, wording
from labdock.errors import JobFailed, Unfinished
from labdock.following import Trouble, follow
from labdock.submission import Step
from labdock.watching import Lines, TextView, View

if TYPE_CHECKING:
    from labdock.running import Job

LONG = 1.0
"""Seconds after which something is said to take long."""

REMEMBERED = 200
"""Log lines among which a job's traceback is looked for, so that it is not shown twice."""


class _Spinner:
    """Says what is done on a terminal, once it takes long."""

    def __init__(self) -> None:
        self._step = Step("")
        self._status: Any = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(LONG, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def report(self, step: Step) -> None:
        with self._lock:
            self._step = step
            if self._status is not None:
                self._status.update(self._text())

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._status is not None:
                self._status.stop()

    def _begin(self) -> None:
        from rich.console import Console

        with self._lock:
            self._status = Console(stderr=True).status(self._text())
            self._status.start()

    def _text(self) -> str:
        from rich.markup import escape

        share = "" if self._step.share is None else f" · {self._step.share:.0%}"
        return escape(f"{self._step.message}{share}")


@contextlib.contextmanager
def reporting() -> Iterator[Any]:
    """A place to report steps to: a spinner on a terminal, lines of text elsewhere."""
    if not sys.stderr.isatty():
        yield Lines(sys.stderr).step
        return
    spinner = _Spinner()
    try:
        yield spinner.report
    finally:
        spinner.end()


class _TerminalView:
    """A bar at the bottom of the terminal, and the log above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        progress = TextColumn("{task.fields[progress]}", markup=False)
        self.bar = Progress(
            *columns, progress, console=self._console, transient=True, redirect_stdout=False
        )
        self._task = self.bar.add_task("", total=1.0, progress="")
        self._note: str | None = None
        self._warned = 0
        self.headline = ""

    def step(self, step: Step) -> None:
        self.bar.update(self._task, description=step.message, completed=step.share or 0.0)

    def begin(self, job: Job) -> None:
        self.changed(job.record)

    def changed(self, record: schema.Job) -> None:
        self.headline = wording.headline(record)
        for warning in record.warnings[self._warned :]:
            self._console.print(wording.warning(warning), style="yellow", markup=False)
        self._warned = len(record.warnings)
        note = "" if record.state == "running" else self._note or record.message
        self.bar.update(
            self._task,
            description=f"{record.name} {record.id} {record.state}",
            completed=wording.share(record.progress) or 0.0,
            progress=wording.progress(record) or note,
        )

    def line(self, line: schema.LogLine) -> None:
        text = wording.plain(line.text)
        if sys.stdout.isatty():
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text)

    def trouble(self, message: str | None) -> None:
        self._note = message
        self._console.print(wording.trouble(message), style="yellow", markup=False)


@contextlib.contextmanager
def _view() -> Iterator[View]:
    if not sys.stderr.isatty():
        yield TextView(notes=sys.stderr)
        return
    view = _TerminalView()
    with view.bar:
        yield view
    click.echo(view.headline, err=True)


def follow_job(job: Job) -> None:
    """Show the job until it ends, and end with exit code 1 where it did not succeed.

    Interrupted, it leaves the job running.
    """
    written: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
    try:
        with _view() as view:
            view.begin(job)
            for update in follow(job.client, job.id):
                if isinstance(update, schema.Job):
                    job.record = update
                    view.changed(update)
                elif isinstance(update, Trouble):
                    view.trouble(update.message)
                else:
                    written.append(wording.plain(update.text))
                    view.line(update)
    except KeyboardInterrupt:
        click.echo(
            f"\nJob {job.id} goes on: `labdock logs {job.id} --follow` follows it, "
            f"`labdock stop {job.id}` stops it.",
            err=True,
        )
        raise
    _end(job, written)


def _end(job: Job, written: Collection[str]) -> None:
    try:
        job.wait()
    except Unfinished as error:
        traceback = error.traceback if isinstance(error, JobFailed) else []
        if traceback and traceback[-1] not in written:
            click.echo("\n".join(traceback), err=True)
        raise click.exceptions.Exit(error.exit_code) from None
