"""What a notebook calls: train this notebook, or submit a file."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack, overload

from labdock import session, submission
from labdock.client import default_client
from labdock.errors import LabdockError
from labdock.gridwatching import choose_grid_view, show_grid
from labdock.parameters import plain
from labdock.points import plain_values
from labdock.quantities import resources, seconds
from labdock.running import Job
from labdock.submission import Order, Package, Record, Report, Send, Step
from labdock.trials import Grid
from labdock.watching import choose_view, show

SAVED_WITHIN = 3.0
"""Seconds in which a project's own server has saved what its people type."""

Values = Mapping[str, Collection[Any]]


class Options(TypedDict, total=False):
    """What `train` and `submit` take beside the grid; they say what it means."""

    workers: int
    gpus: int
    cpus: float | None
    memory: int | str | None
    parameters: dict[str, Any] | None
    environment: str | None
    project: str | None
    name: str | None
    time_limit: float | str | None
    max_attempts: int
    backup_every: int | None
    without: Collection[str]
    secrets: Collection[str]
    notify: bool | None
    renew_lock: bool
    wait: bool


@overload
def train(*, grid: None = None, **options: Unpack[Options]) -> Job: ...
@overload
def train(*, grid: Values, **options: Unpack[Options]) -> Grid: ...


def train(
    *,
    workers: int = 1,
    gpus: int = 0,
    cpus: float | None = None,
    memory: int | str | None = None,
    parameters: dict[str, Any] | None = None,
    grid: Values | None = None,
    environment: str | None = None,
    project: str | None = None,
    name: str | None = None,
    time_limit: float | str | None = None,
    max_attempts: int = 3,
    backup_every: int | None = None,
    without: Collection[str] = (),
    secrets: Collection[str] = (),
    notify: bool | None = None,
    renew_lock: bool = False,
    wait: bool = False,
) -> Job | Grid:
    """Run this notebook as a job on as many workers as it needs, and show it here.

    The notebook is found by itself, as it is saved. `cpus`, `memory` (such as `"4GB"`) and `gpus`
    are for each worker; `parameters` replace values of the cell tagged `parameters`; `grid` has
    several values of some (`{"lr": [1e-3, 1e-4], "units": [32, 64]}`), of which each combination
    is a job, and the answer is the grid of them; `time_limit` is in seconds or such as `"2h"`;
    `backup_every` is a number of steps after which `fit` is backed up also between epochs;
    `without` names what the runtime leaves undone of what it does for training (`["batchnorm"]`);
    `secrets` names what `labdock secrets set` has stored, for the code to find as variables;
    `notify` is whether you are told of its end. With `wait` the cell takes until the job has
    ended, and raises JobFailed where it failed. Inside a job, `train` ends the notebook.
    """
    if "LABDOCK_JOB" in os.environ:
        _end_of_notebook()
    kernel = session.this_kernel()
    notebook = session.find_notebook(kernel)
    if kernel is not None:
        saving = SAVED_WITHIN if "LABDOCK_PROJECT" in os.environ else 0.0
        session.check_saved(notebook, kernel, saving)
    return submit(
        notebook,
        workers=workers,
        gpus=gpus,
        cpus=cpus,
        memory=memory,
        parameters=parameters,
        grid=grid,
        environment=environment,
        project=project,
        name=name,
        time_limit=time_limit,
        max_attempts=max_attempts,
        backup_every=backup_every,
        without=without,
        secrets=secrets,
        notify=notify,
        renew_lock=renew_lock,
        wait=wait,
    )


def _end_of_notebook() -> None:
    """End the run. The runtime is there in a job only, and is no part of this package."""
    importlib.import_module("labdock_runtime").end_of_notebook()


@overload
def submit(
    entry: str | Path,
    arguments: Sequence[str] = (),
    *,
    grid: None = None,
    **options: Unpack[Options],
) -> Job: ...
@overload
def submit(
    entry: str | Path,
    arguments: Sequence[str] = (),
    *,
    grid: Values,
    **options: Unpack[Options],
) -> Grid: ...


def submit(
    entry: str | Path,
    arguments: Sequence[str] = (),
    *,
    workers: int = 1,
    gpus: int = 0,
    cpus: float | None = None,
    memory: int | str | None = None,
    parameters: dict[str, Any] | None = None,
    grid: Values | None = None,
    environment: str | None = None,
    project: str | None = None,
    name: str | None = None,
    time_limit: float | str | None = None,
    max_attempts: int = 3,
    backup_every: int | None = None,
    without: Collection[str] = (),
    secrets: Collection[str] = (),
    notify: bool | None = None,
    renew_lock: bool = False,
    wait: bool = False,
) -> Job | Grid:
    """Run a notebook or script of this machine as a job; `arguments` are a script's.

    The rest is as for `train`.
    """
    order = Order(
        entry=Path(entry).expanduser(),
        arguments=list(arguments),
        workers=workers,
        resources=resources(cpus, memory, gpus),
        parameters={name: plain(value) for name, value in (parameters or {}).items()},
        grid=None if grid is None else plain_values(grid),
        environment=environment,
        project=project,
        name=name,
        time_limit=None if time_limit is None else seconds(time_limit),
        max_attempts=max_attempts,
        backup_every=backup_every,
        disable=submission.parts(without),
        secrets=list(secrets),
        notify=notify,
        renew_lock=renew_lock,
    )
    if order.grid is None:
        return _run_job(order, wait=wait)
    return _run_grid(order, wait=wait)


def _run_job(order: Order, *, wait: bool) -> Job:
    view = choose_view(foreground=wait)
    job = Job(_send(order, view, submission.submit), default_client())
    thread = show(job, view) if view else None
    if wait and thread is not None:
        thread.join()
    return job.wait() if wait else job


def _run_grid(order: Order, *, wait: bool) -> Grid:
    view = choose_grid_view(foreground=wait)
    grid = Grid(_send(order, view, submission.submit_grid), default_client())
    thread = show_grid(grid, view) if view else None
    if wait and thread is not None:
        thread.join()
    return grid.wait() if wait else grid


def _send(order: Order, view: _Steps | None, send: Send[Record]) -> Record:
    client = default_client()
    report = _report_to(view)
    try:
        taken = submission.take(client, order, report)
        record = send(client, order, taken, report)
    except LabdockError:
        report(Step("Nothing was submitted."))
        raise
    for warning in taken.warnings:
        warnings.warn(warning, stacklevel=4)
    return record


class _Steps(Protocol):
    def step(self, step: Step) -> None: ...


def _report_to(view: _Steps | None) -> Report:
    def report(step: Step) -> None:
        if view is not None:
            view.step(step)

    return report


def package(
    entry: str | Path,
    *,
    environment: str | None = None,
    project: str | None = None,
    renew_lock: bool = False,
) -> Package:
    """What `submit` would run: the files, the image, and what stays behind; nothing is run."""
    order = Order(
        entry=Path(entry).expanduser(),
        environment=environment,
        project=project,
        renew_lock=renew_lock,
    )
    return submission.package(default_client(), order, _report_to(None))
