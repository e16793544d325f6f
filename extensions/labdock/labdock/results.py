"""What a grid's jobs have come to: a row each, and which of them is the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labdock.errors import Mistake
from labdock.gridschema import Grid
from labdock.schema import Job

LOWER = ("loss", "error", "mae", "mse", "rmse", "mape", "msle", "crossentropy", "perplexity")
"""Parts of the names of metrics of which less is better."""

NO_RESULT = {"learning_rate", "lr"}
"""What Keras tells beside the metrics."""


def metric_names(jobs: Sequence[Job]) -> list[str]:
    """The metrics that any of the jobs has told of, in the order in which they were."""
    told = (name for job in jobs for name in job.progress.metrics)
    return [name for name in dict.fromkeys(told) if name not in NO_RESULT]


def chosen_metric(jobs: Sequence[Job], wanted: str | None = None) -> str | None:
    """The metric that decides: the one wanted, or of validation, and a loss only at need.

    None where no job has told of any yet. Raises Mistake where there is none of that name.
    """
    names = metric_names(jobs)
    if wanted is not None and names and wanted not in names:
        raise Mistake(f"No job has told of {wanted}: choose of {', '.join(names)}.")
    if wanted is not None or not names:
        return wanted
    return min(names, key=lambda name: (not name.startswith("val_"), name.endswith("loss")))


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better, as its name tells."""
    words = metric.lower().split("_")
    return any(part in words or metric.endswith(part) for part in LOWER)


def ranked(jobs: Sequence[Job], metric: str | None) -> list[Job]:
    """The jobs, the best first; those without the metric come last, as they were."""
    if metric is None:
        return list(jobs)
    sign = 1.0 if lower_is_better(metric) else -1.0
    told = [job for job in jobs if metric in job.progress.metrics]
    rest = [job for job in jobs if metric not in job.progress.metrics]
    return sorted(told, key=lambda job: sign * job.progress.metrics[metric]) + rest


def best(jobs: Sequence[Job], metric: str | None) -> Job | None:
    """The best of those that did not fail and were not stopped; none where none has the metric."""
    fit = [job for job in jobs if job.state not in ("failed", "stopped", "stopping")]
    found = [job for job in ranked(fit, metric) if metric in job.progress.metrics]
    return found[0] if found else None


def record(grid: Grid, job: Job) -> dict[str, Any]:
    """A job as a flat row: its point's values, its state, how long it took, and its metrics.

    A metric that is called as a parameter is, or as a column, has `metric_` before its name.
    """
    row: dict[str, Any] = {"job": job.id, "state": job.state, "seconds": _seconds(job)}
    row |= {name: job.parameters.get(name) for name in grid.values}
    for name, value in job.progress.metrics.items():
        row[f"metric_{name}" if name in row else name] = value
    return row


def _seconds(job: Job) -> float | None:
    if job.started is None or job.ended is None:
        return None
    return job.ended - job.started
