"""Showing a job as it goes, in a thread of its own: widgets where someone looks, text elsewhere."""

from __future__ import annotations

import contextvars
import importlib.util
import math
import threading
from typing import TYPE_CHECKING, Protocol, TextIO

from labdock import schema, session, wording
from labdock.errors import LabdockError
from labdock.following import Trouble, follow
from labdock.submission import Step

if TYPE_CHECKING:
    from labdock.running import Job


class View(Protocol):
    """What shows a submission and then its job."""

    def step(self, step: Step) -> None:
        """Something is done before there is a job."""

    def begin(self, job: Job) -> None:
        """There is a job."""

    def changed(self, record: schema.Job) -> None:
        """The job changed."""

    def line(self, line: schema.LogLine) -> None:
        """The job's chief wrote a line."""

    def trouble(self, message: str | None) -> None:
        """The service is away for now, or it is back where there is no message."""


class TextView:
    """Lines of text: what happens, each epoch, and the log.

    `notes` is where everything but the log is written; standard output where none is given.
    """

    def __init__(self, notes: TextIO | None = None) -> None:
        self._notes = notes
        self._said = ""

    def step(self, step: Step) -> None:
        """Say what is done, once."""
        self._say(f"{step.message} …")

    def begin(self, job: Job) -> None:
        """Say which job it is."""
        self._say(wording.headline(job.record))

    def changed(self, record: schema.Job) -> None:
        """Say the state, or the progress where that is at another epoch or cell."""
        if record.state == "running" and record.progress.epoch is not None:
            if record.progress.step in (None, record.progress.steps):
                self._say(wording.progress(record))
        else:
            self._say(wording.headline(record))

    def line(self, line: schema.LogLine) -> None:
        """Print the line."""
        print(wording.plain(line.text), flush=True)

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or back."""
        self._say(f"{message} Trying again." if message else "Labdock answers again.")

    def _say(self, text: str) -> None:
        if text and text != self._said:
            self._said = text
            print(text, file=self._notes, flush=True)


def choose_view(*, foreground: bool) -> View | None:
    """What fits this place: widgets in a notebook that someone looks at, text elsewhere.

    A script that does not wait for its job is shown nothing.
    """
    kernel = session.this_kernel()
    if kernel is not None and not kernel.headless and importlib.util.find_spec("ipywidgets"):
        from labdock.widgets import WidgetView

        return WidgetView()
    return TextView() if kernel is not None or foreground else None


def show(job: Job, view: View) -> threading.Thread:
    """Keep a view up to date from a thread, until the job has ended."""
    job.shown_in = session.cell_number()
    view.begin(job)
    # The context carries the cell to which the thread's output belongs.
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_keep_up, job, view), daemon=True, name=f"labdock {job.id}"
    )
    thread.start()
    return thread


def _keep_up(job: Job, view: View) -> None:
    try:
        for update in follow(job.client, job.id, patience=math.inf):
            if isinstance(update, schema.Job):
                job.record = update
                view.changed(update)
            elif isinstance(update, Trouble):
                view.trouble(update.message)
            else:
                view.line(update)
    except LabdockError as error:
        view.trouble(str(error))
