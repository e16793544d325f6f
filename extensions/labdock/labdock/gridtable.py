"""The table of a grid's results, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from labdock import points, results, wording
from labdock.gridschema import Grid
from labdock.schema import ENDED, Job

BEST = "*"


@dataclass(frozen=True)
class Table:
    """Titles, and the rows under them; the first column marks the best."""

    titles: list[str]
    rows: list[list[str]]


def table(grid: Grid, metric: str | None = None, *, by_metric: bool = False) -> Table:
    """A row for each job: values, state, metrics. Raises Mistake where there is no such metric."""
    metric = results.chosen_metric(grid.jobs, metric)
    best = results.best(grid.jobs, metric)
    names = results.metric_names(grid.jobs)
    jobs = results.ranked(grid.jobs, metric) if by_metric else grid.jobs
    titles = ["", "JOB", *grid.values, "STATE", *names]
    return Table(titles, [_row(grid, job, names, job is best) for job in jobs])


def _row(grid: Grid, job: Job, names: Sequence[str], best: bool) -> list[str]:
    values = [points.shown(job.parameters.get(name)) for name in grid.values]
    metrics = job.progress.metrics
    told = [f"{metrics[name]:.4g}" if name in metrics else "" for name in names]
    return [BEST if best else "", job.id, *values, _state(job), *told]


def _state(job: Job) -> str:
    share = wording.share(job.progress)
    if share is None or job.state in ENDED:
        return job.state
    return f"{job.state} {share:.0%}"


def as_text(table: Table) -> str:
    """Columns of the same width."""
    lines = [table.titles, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def as_html(table: Table) -> str:
    """A table whose best row is bold; every cell is escaped."""
    head = "".join(f"<th>{html.escape(title)}</th>" for title in table.titles)
    body = "".join(_html_row(row) for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_row(row: Sequence[str]) -> str:
    style = ' style="font-weight:bold"' if row[0] == BEST else ""
    return f"<tr{style}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
