"""The wire types of grids: jobs that try several values. They are as those of `schema`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labdock.schema import ENDED, Job, JobRequest


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """Asks for a job for each combination of values; `job` says what all of them share."""

    job: JobRequest
    grid: dict[str, list[Any]]
    """The values of each parameter, tried in this order."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A group of jobs of one snapshot that differ in the values of some parameters."""

    id: str
    project: str
    owner: str
    name: str
    snapshot: str
    entry: str
    values: dict[str, list[Any]]
    created: float
    states: dict[str, int]
    """How many jobs are in each state."""
    jobs: list[Job] = field(default_factory=list)
    """In the order of the values; a list of grids leaves them out."""
    tensorboard: str = ""
    """Path under the hub's address that shows the curves of this grid alone."""


def ended(grid: Grid) -> bool:
    """Whether all of its jobs have."""
    return ENDED.issuperset(grid.states)
