"""Showing a job as it goes, in a thread of its own: widgets where someone looks, text elsewhere."""

from __future__ import annotations

import contextvars
import importlib.util
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from labdock import schema, session, wording
from labdock.endings import ENDINGS
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


class Lines:
    """Says things in lines of text, each once, on `notes`, or else on standard output."""

    def __init__(self, notes: TextIO | None = None) -> None:
        self._notes = notes
        self._said = ""

    def step(self, step: Step) -> None:
        """Say what is done, once."""
        self.say(f"{step.message} …")

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or back."""
        self.say(wording.trouble(message))

    def say(self, text: str) -> None:
        """Print it, unless it was said just now."""
        if text and text != self._said:
            self._said = text
            print(text, file=self._notes, flush=True)


class TextView(Lines):
    """Lines of text: what happens, each epoch, and the log, which is on standard output."""

    def __init__(self, notes: TextIO | None = None) -> None:
        super().__init__(notes)
        self._warned = 0

    def begin(self, job: Job) -> None:
        """Say which job it is."""
        self.say(wording.headline(job.record))

    def changed(self, record: schema.Job) -> None:
        """Say new warnings, and the state, or the progress at another epoch or cell."""
        for warning in record.warnings[self._warned :]:
            self.say(wording.warning(warning))
        self._warned = len(record.warnings)
        if record.state == "running" and record.progress.epoch is not None:
            if record.progress.step in (None, record.progress.steps):
                self.say(wording.progress(record))
        else:
            self.say(wording.headline(record))

    def line(self, line: schema.LogLine) -> None:
        """Print the line."""
        print(wording.plain(line.text), flush=True)


def choose_view(*, foreground: bool) -> View | None:
    """What fits this place: widgets in a notebook that someone looks at, text elsewhere.

    A script that does not wait for its job is shown nothing.
    """
    if looked_at():
        from labdock.widgets import WidgetView

        return WidgetView()
    return TextView() if session.this_kernel() is not None or foreground else None


def looked_at() -> bool:
    """Whether this is a notebook that someone looks at, and widgets can be shown."""
    kernel = session.this_kernel()
    shows = kernel is not None and not kernel.headless
    return shows and importlib.util.find_spec("ipywidgets") is not None


def show(job: Job, view: View) -> threading.Thread:
    """Keep a view up to date from a thread, until the job has ended."""
    job.shown_in = session.cell_number()
    cell = ENDINGS.expect()
    view.begin(job)
    return in_cells_thread(f"labdock {job.id}", lambda: _keep_up(job, view, cell))


def in_cells_thread(name: str, do: Callable[[], None]) -> threading.Thread:
    """Do it in a thread whose output belongs to the cell that runs now, as the context says."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(do,), daemon=True, name=name)
    thread.start()
    return thread


def _keep_up(job: Job, view: View, cell: int) -> None:
    try:
        for update in follow(job.client, job.id, patience=math.inf):
            if isinstance(update, schema.Job):
                job.record = update
                view.changed(update)
            elif isinstance(update, Trouble):
                view.trouble(update.message)
            else:
                view.line(update)
        said = f"{wording.ending(job.record)}  labdock.job({job.id!r})"
        ENDINGS.tell(job.id, said, cell)
    except LabdockError as error:
        view.trouble(str(error))
