"""What a notebook calls: train this notebook, or submit a file."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from labdock import session, submission
from labdock.client import default_client
from labdock.errors import LabdockError
from labdock.quantities import resources, seconds
from labdock.running import Job
from labdock.submission import Order, Package, Report, Step
from labdock.watching import View, choose_view, show


def train(
    *,
    workers: int = 1,
    gpus: int = 0,
    cpus: float | None = None,
    memory: int | str | None = None,
    parameters: dict[str, Any] | None = None,
    environment: str | None = None,
    project: str | None = None,
    name: str | None = None,
    time_limit: float | str | None = None,
    max_attempts: int = 3,
    without: Collection[str] = (),
    secrets: Collection[str] = (),
    notify: bool | None = None,
    renew_lock: bool = False,
    wait: bool = False,
) -> Job:
    """Run this notebook as a job on as many workers as it needs, and show it here.

    The notebook is found by itself, as it is saved. `cpus`, `memory` (such as `"4GB"`) and
    `gpus` are for each worker; `parameters` replace values of the cell tagged `parameters`;
    `time_limit` is in seconds or such as `"2h"`; `without` names what the runtime leaves undone
    of what it does for training (`["batchnorm"]`); `secrets` names what `labdock secrets set` has
    stored, for the code to find as variables; `notify` is whether you are told of its end. With
    `wait` the cell takes until the job has ended, and raises JobFailed where it failed. Inside a
    job, `train` ends the notebook.
    """
    if "LABDOCK_JOB" in os.environ:
        _end_of_notebook()
    kernel = session.this_kernel()
    notebook = session.find_notebook(kernel)
    if kernel is not None:
        session.check_saved(notebook, kernel)
    return submit(
        notebook,
        workers=workers,
        gpus=gpus,
        cpus=cpus,
        memory=memory,
        parameters=parameters,
        environment=environment,
        project=project,
        name=name,
        time_limit=time_limit,
        max_attempts=max_attempts,
        without=without,
        secrets=secrets,
        notify=notify,
        renew_lock=renew_lock,
        wait=wait,
    )


def _end_of_notebook() -> None:
    """End the run. The runtime is there in a job only, and is no part of this package."""
    importlib.import_module("labdock_runtime").end_of_notebook()


def submit(
    entry: str | Path,
    arguments: Sequence[str] = (),
    *,
    workers: int = 1,
    gpus: int = 0,
    cpus: float | None = None,
    memory: int | str | None = None,
    parameters: dict[str, Any] | None = None,
    environment: str | None = None,
    project: str | None = None,
    name: str | None = None,
    time_limit: float | str | None = None,
    max_attempts: int = 3,
    without: Collection[str] = (),
    secrets: Collection[str] = (),
    notify: bool | None = None,
    renew_lock: bool = False,
    wait: bool = False,
) -> Job:
    """Run a notebook or script of this machine as a job; `arguments` are a script's.

    The rest is as for `train`.
    """
    order = Order(
        entry=Path(entry).expanduser(),
        arguments=list(arguments),
        workers=workers,
        resources=resources(cpus, memory, gpus),
        parameters=parameters or {},
        environment=environment,
        project=project,
        name=name,
        time_limit=None if time_limit is None else seconds(time_limit),
        max_attempts=max_attempts,
        disable=submission.parts(without),
        secrets=list(secrets),
        notify=notify,
        renew_lock=renew_lock,
    )
    return _run(order, choose_view(foreground=wait), wait=wait)


def _run(order: Order, view: View | None, *, wait: bool) -> Job:
    client = default_client()
    report = _report_to(view)
    try:
        taken = submission.take(client, order, report)
        record = submission.submit(client, order, taken, report)
    except LabdockError:
        report(Step("Nothing was submitted."))
        raise
    for warning in taken.warnings:
        warnings.warn(warning, stacklevel=3)
    job = Job(record, client)
    thread = show(job, view) if view else None
    if not wait:
        return job
    if thread is not None:
        thread.join()
    return job.wait()


def _report_to(view: View | None) -> Report:
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
