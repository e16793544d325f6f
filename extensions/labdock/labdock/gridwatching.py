"""Showing a grid as it goes: its table in a notebook that someone looks at, text elsewhere."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Protocol, TextIO

from labdock import gridschema, session, wording
from labdock.endings import ENDINGS
from labdock.errors import LabdockError
from labdock.following import Trouble, follow_grid
from labdock.submission import Step
from labdock.watching import Lines, in_cells_thread, looked_at

if TYPE_CHECKING:
    from labdock.trials import Grid


class GridView(Protocol):
    """What shows a submission and then its grid."""

    def step(self, step: Step) -> None:
        """Something is done before there is a grid."""

    def begin(self, grid: Grid) -> None:
        """There is a grid."""

    def changed(self, record: gridschema.Grid) -> None:
        """One of its jobs changed."""

    def trouble(self, message: str | None) -> None:
        """The service is away for now, or it is back where there is no message."""


class GridTextView(Lines):
    """Lines of text: each change of a job's state."""

    def __init__(self, notes: TextIO | None = None) -> None:
        super().__init__(notes)
        self._states: dict[str, str] = {}

    def begin(self, grid: Grid) -> None:
        """Say which grid it is."""
        self.say(wording.grid_headline(grid.record))

    def changed(self, record: gridschema.Grid) -> None:
        """Say of each job that its state is another."""
        for job in record.jobs:
            if self._states.get(job.id) != job.state:
                self._states[job.id] = job.state
                self.say(wording.headline(job))


def choose_grid_view(*, foreground: bool) -> GridView | None:
    """What fits this place, as for a job."""
    if looked_at():
        from labdock.gridwidgets import GridWidgetView

        return GridWidgetView()
    return GridTextView() if session.this_kernel() is not None or foreground else None


def show_grid(grid: Grid, view: GridView) -> threading.Thread:
    """Keep a view up to date from a thread, until all jobs have ended."""
    grid.shown_in = session.cell_number()
    cell = ENDINGS.expect()
    view.begin(grid)
    return in_cells_thread(f"labdock {grid.id}", lambda: _keep_up(grid, view, cell))


def _keep_up(grid: Grid, view: GridView, cell: int) -> None:
    try:
        for update in follow_grid(grid.client, grid.record, patience=math.inf):
            if isinstance(update, Trouble):
                view.trouble(update.message)
            else:
                grid.record = update
                view.changed(update)
        said = f"{wording.grid_ending(grid.record)}  labdock.grid({grid.id!r})"
        ENDINGS.tell(grid.id, said, cell)
    except LabdockError as error:
        view.trouble(str(error))
