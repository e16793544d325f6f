"""Grids as a notebook holds them: jobs that try several values, together."""

from __future__ import annotations

import contextlib
from typing import Any

from labdock import gridschema, results, session, wording
from labdock.client import Client, default_client
from labdock.errors import JobFailed, JobStopped, NotFound
from labdock.following import follow_grid
from labdock.gridschema import ended
from labdock.running import Job


class Grid:
    """A job for each combination of values. `record` is what was last seen of them."""

    def __init__(self, record: gridschema.Grid, client: Client) -> None:
        self.record = record
        self.client = client
        self.shown_in: int | None = None
        """The number of the cell that shows it."""

    @property
    def id(self) -> str:
        """The grid's id, or as much of it as is needed, names it everywhere."""
        return self.record.id

    @property
    def name(self) -> str:
        """The grid's name; its jobs have it too, and their values after it."""
        return self.record.name

    @property
    def jobs(self) -> list[Job]:
        """The jobs, in the order of the values."""
        return [Job(job, self.client) for job in self.refresh().record.jobs]

    @property
    def tensorboard_url(self) -> str:
        """Where the curves of this grid lie over each other."""
        return self.client.connection.for_people(self.record.tensorboard)

    def refresh(self) -> Grid:
        """Ask for the grid's record anew, unless all of its jobs have ended."""
        if not ended(self.record):
            self.record = self.client.grid(self.id)
        return self

    def wait(self, timeout: float | None = None) -> Grid:
        """Wait until all jobs have ended; raises StillRunning after `timeout` seconds.

        It raises JobFailed or JobStopped only where no job succeeded: `results()` tells of each.
        Interrupting the wait leaves the jobs running.
        """
        if not ended(self.record):
            updates = follow_grid(self.client, self.record, timeout=timeout)
            with contextlib.closing(updates):
                for update in updates:
                    if isinstance(update, gridschema.Grid):
                        self.record = update
        if not self.record.states.get("succeeded"):
            first = next((job for job in self.record.jobs if job.state == "failed"), None)
            raise JobFailed(first) if first else JobStopped(self.record.jobs[0])
        return self

    def watch(self) -> None:
        """Show the jobs here as they go, in a table that follows them."""
        from labdock.gridwatching import choose_grid_view, show_grid

        if view := choose_grid_view(foreground=True):
            show_grid(self, view)

    def stop(self) -> Grid:
        """Stop all of its jobs; they keep their checkpoints."""
        self.record = self.client.stop_grid(self.id)
        return self

    def results(self) -> list[dict[str, Any]]:
        """A row for each job: its values, its state, and its metrics as they were told last.

        `pandas.DataFrame(grid.results())` makes a table of them.
        """
        record = self.refresh().record
        return [results.record(record, job) for job in record.jobs]

    def best(self, metric: str | None = None) -> Job:
        """The job with the best value of a metric, of those that did not fail.

        Without a metric it is one of validation, such as `val_accuracy`. Of losses and errors
        less is better, of all else more.
        """
        jobs = self.refresh().record.jobs
        found = results.best(jobs, results.chosen_metric(jobs, metric))
        if found is None:
            told = metric or "a metric"
            raise NotFound(f"No job of grid {self.id} has told of {told} yet: wait for it.")
        return Job(found, self.client)

    def __repr__(self) -> str:
        return f"<Grid {wording.grid_headline(self.record)}>"

    def _ipython_display_(self) -> None:
        """Show the grid where a cell ends with it, unless that cell shows it already."""
        if self.shown_in is None or self.shown_in != session.cell_number():
            self.watch()


def grids(project: str | None = None, *, limit: int = 50) -> list[Grid]:
    """Grids, newest first: of one project, or of all that you see."""
    client = default_client()
    return [Grid(client.grid(one.id), client) for one in client.grids(project=project, limit=limit)]


def grid(grid_id: str = "last") -> Grid:
    """A grid by its id, by the beginning of it, or `last` for your newest."""
    client = default_client()
    return Grid(client.find_grid(grid_id), client)
