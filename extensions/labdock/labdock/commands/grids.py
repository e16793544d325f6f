"""`labdock grid` and `labdock grids`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from labdock import gridschema, gridtable, trials, wording
from labdock.client import default_client
from labdock.commands.output import ago, json_option, project_option, write_json, write_table
from labdock.following import Trouble, follow_grid
from labdock.gridwatching import GridTextView, GridView
from labdock.submission import Step

if TYPE_CHECKING:
    from labdock.trials import Grid

MOST_BARS = 20
"""Jobs that have a bar each; of more there is one bar for all."""

NONE_YET = "No grid yet: `labdock submit --grid lr=1e-3,1e-4` starts one."


@click.command()
@click.argument("grid_id", metavar="GRID")
@click.option("--sort", "metric", metavar="METRIC", help="The best by this metric first.")
@click.option("--follow", "-f", is_flag=True, help="Show its jobs until all of them have ended.")
@json_option
def grid(grid_id: str, metric: str | None, follow: bool, as_json: bool) -> None:
    """Show a grid's jobs: their values, states and last metrics; a star is at the best.

    \b
    For example:
      labdock grid last --sort val_accuracy
      labdock grid last --follow
    """
    show_grid(trials.grid(grid_id), metric, follow=follow, as_json=as_json)


def show_grid(
    grid: Grid, metric: str | None = None, *, follow: bool = False, as_json: bool = False
) -> None:
    """Write the grid, once its jobs have ended where it is followed; then 1 if one failed."""
    try:
        if follow:
            _watch(grid)
    finally:
        if as_json:
            write_json(grid.record)
    if not as_json:
        _write(grid, metric)
    if follow and set(grid.record.states) != {"succeeded"}:
        raise click.exceptions.Exit(1)


def _write(grid: Grid, metric: str | None) -> None:
    record = grid.record
    table = gridtable.table(record, metric, by_metric=metric is not None)
    click.secho(wording.grid_headline(record), bold=True)
    write_table(table.titles, table.rows, NONE_YET)
    for trouble in wording.grid_troubles(record):
        click.secho(trouble, fg="yellow", err=True)
    click.echo(f"Curves: {grid.tensorboard_url}", err=True)


@click.command()
@project_option
@click.option("--limit", type=click.IntRange(1, 500), default=20, help="At most so many.")
@json_option
def grids(project: str | None, limit: int, as_json: bool) -> None:
    """List grids, newest first.

    For example: labdock grids
    """
    found = default_client().grids(project=project, limit=limit)
    if as_json:
        write_json(found)
        return
    titles = ("ID", "NAME", "PROJECT", "OWNER", "SUBMITTED", "PARAMETERS", "JOBS")
    write_table(titles, map(_row, found), NONE_YET)


def _row(grid: gridschema.Grid) -> tuple[str, ...]:
    tried = ", ".join(f"{name} ({len(values)})" for name, values in grid.values.items())
    states = wording.states(grid)
    return grid.id, grid.name, grid.project, grid.owner, ago(grid.created), tried, states


def _watch(grid: Grid) -> None:
    """Show the jobs until all have ended. Interrupted, it leaves them running."""
    try:
        with _view() as view:
            view.begin(grid)
            for update in follow_grid(grid.client, grid.record):
                if isinstance(update, Trouble):
                    view.trouble(update.message)
                else:
                    grid.record = update
                    view.changed(update)
    except KeyboardInterrupt:
        click.echo(
            f"\nGrid {grid.id} goes on: `labdock grid {grid.id} --follow` follows it, "
            f"`labdock stop {grid.id}` stops it.",
            err=True,
        )
        raise


@contextlib.contextmanager
def _view() -> Iterator[GridView]:
    if not sys.stderr.isatty():
        yield GridTextView(notes=sys.stderr)
        return
    view = _Bars()
    with view.bars:
        yield view


class _Bars:
    """A bar for each job at the bottom of the terminal, or one for all where they are many."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        told = TextColumn("{task.fields[told]}", markup=False)
        self.bars = Progress(*columns, told, console=self._console, transient=True)
        self._tasks: dict[str, Any] = {}

    def step(self, step: Step) -> None:
        self._show("", step.message, step.share or 0.0, "")

    def begin(self, grid: Grid) -> None:
        self.changed(grid.record)

    def changed(self, record: gridschema.Grid) -> None:
        if len(record.jobs) > MOST_BARS:
            share = sum(map(wording.done, record.jobs)) / len(record.jobs)
            self._show(record.id, record.name, share, wording.states(record))
            return
        for job in record.jobs:
            told = wording.progress(job) or job.message
            self._show(job.id, f"{job.name} {job.state}", wording.done(job), told)

    def trouble(self, message: str | None) -> None:
        self._console.print(wording.trouble(message), style="yellow", markup=False)

    def _show(self, key: str, description: str, share: float, told: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self.bars.add_task("", total=1.0, told="")
        self.bars.update(self._tasks[key], description=description, completed=share, told=told)
