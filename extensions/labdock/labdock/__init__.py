"""Labdock in a notebook and on the command line: train, watch, deploy, predict.

    import labdock

    job = labdock.train(workers=2)          # this notebook, as a job
    endpoint = job.deploy("digits")         # its model, behind a URL
    endpoint.predict(x)

What is not listed here is Labdock's own and may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labdock.checkpoints import checkpoint
    from labdock.errors import (
        Conflict,
        DeployFailed,
        JobFailed,
        JobStopped,
        LabdockError,
        Mistake,
        NotAllowed,
        NotConnected,
        NotFound,
        ServiceUnavailable,
        StillRunning,
        Unfinished,
        UnsavedNotebook,
    )
    from labdock.running import Job, job, jobs
    from labdock.serving import Endpoint, endpoint, endpoints, environments, models
    from labdock.training import package, submit, train
    from labdock.trials import Grid, grid, grids

__all__ = [
    "Conflict",
    "DeployFailed",
    "Endpoint",
    "Grid",
    "Job",
    "JobFailed",
    "JobStopped",
    "LabdockError",
    "Mistake",
    "NotAllowed",
    "NotConnected",
    "NotFound",
    "ServiceUnavailable",
    "StillRunning",
    "Unfinished",
    "UnsavedNotebook",
    "checkpoint",
    "endpoint",
    "endpoints",
    "environments",
    "grid",
    "grids",
    "job",
    "jobs",
    "models",
    "package",
    "submit",
    "train",
]

__version__ = "0.1.0"

_HOMES = {
    "labdock.checkpoints": ("checkpoint",),
    "labdock.running": ("Job", "job", "jobs"),
    "labdock.serving": ("Endpoint", "endpoint", "endpoints", "environments", "models"),
    "labdock.training": ("package", "submit", "train"),
    "labdock.trials": ("Grid", "grid", "grids"),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is first used: importing labdock takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'labdock' has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "labdock.errors")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
