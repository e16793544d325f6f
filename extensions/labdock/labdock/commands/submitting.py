"""`labdock submit` and `labdock package`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from labdock import parameters as reading
from labdock import points, submission, wording
from labdock.client import default_client
from labdock.commands.following import follow_job, reporting
from labdock.commands.grids import show_grid
from labdock.commands.output import (
    json_option,
    project_option,
    write_fields,
    write_json,
    write_parameters,
)
from labdock.inputs import Parameter
from labdock.quantities import resources, seconds
from labdock.running import Job
from labdock.schema import Part
from labdock.submission import Order, Package, Record, Send
from labdock.trials import Grid


def _entry_options(command: Any) -> Any:
    options = [
        click.argument("entry", type=click.Path(path_type=Path)),
        project_option,
        click.option("--environment", metavar="NAME", help="What the code runs in."),
        click.option("--renew-lock", is_flag=True, help="Resolve dependencies anew."),
        click.option(
            "parameters",
            "-p",
            "--parameter",
            multiple=True,
            metavar="NAME=VALUE",
            help="A value for the notebook's cell of parameters, as the cell has it there.",
        ),
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_entry_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--workers", type=click.IntRange(1), default=1, help="How many workers train.")
@click.option("--gpus", type=click.IntRange(0), default=0, help="GPUs of each worker.")
@click.option("--cpus", type=click.FloatRange(0), help="Processors of each worker.")
@click.option("--memory", metavar="SIZE", help="Memory of each worker, such as 4GB.")
@click.option("--name", help="The job's name; that of the file where none is given.")
@click.option(
    "grid",
    "--grid",
    multiple=True,
    metavar="NAME=VALUE,…",
    help="Values to try: a job for each combination of those of all grids.",
)
@click.option("--time-limit", metavar="TIME", help="How long an attempt may run, such as 2h.")
@click.option(
    "--max-attempts", type=click.IntRange(1), default=3, help="Tries, if workers get lost."
)
@click.option(
    "--backup-every",
    type=click.IntRange(1),
    metavar="STEPS",
    help="Back fit up after so many steps, too, not only after each epoch.",
)
@click.option(
    "--without",
    metavar="PART,…",
    default="",
    help="What the runtime leaves undone: " + ", ".join(get_args(Part)) + ".",
)
@click.option(
    "secrets",
    "--secret",
    multiple=True,
    metavar="NAME",
    help="A secret that the code finds as a variable; `labdock secrets` lists them.",
)
@click.option("--notify/--no-notify", default=None, help="Tell me of its end: see labdock notify.")
@click.option(
    "--follow", is_flag=True, help="Show the job until it ends; Ctrl-C leaves it running."
)
def submit(
    entry: Path,
    arguments: tuple[str, ...],
    project: str | None,
    environment: str | None,
    renew_lock: bool,
    as_json: bool,
    workers: int,
    gpus: int,
    cpus: float | None,
    memory: str | None,
    name: str | None,
    parameters: tuple[str, ...],
    grid: tuple[str, ...],
    time_limit: str | None,
    max_attempts: int,
    backup_every: int | None,
    without: str,
    secrets: tuple[str, ...],
    notify: bool | None,
    follow: bool,
) -> None:
    """Run a notebook or a script, with the files beside it, as a job.

    ARGUMENTS, after --, are for a script. For example:

    \b
      labdock submit digits.ipynb --workers 2 --follow
      labdock submit train.py -- --epochs 10
      labdock submit digits.ipynb --grid lr=1e-3,1e-4 --grid units=32,64
    """
    known = reading.of_entry(entry) or []
    order = Order(
        entry=entry,
        arguments=list(arguments),
        project=project,
        environment=environment,
        renew_lock=renew_lock,
        workers=workers,
        resources=resources(cpus, memory, gpus),
        name=name,
        parameters=parse_parameters(parameters, known),
        grid=points.read_options(grid, known) or None,
        time_limit=None if time_limit is None else seconds(time_limit),
        max_attempts=max_attempts,
        backup_every=backup_every,
        disable=submission.parts([word.strip() for word in without.split(",") if word.strip()]),
        secrets=list(secrets),
        notify=notify,
    )
    if order.grid is not None:
        _run_grid(order, follow=follow, as_json=as_json)
    else:
        _run_job(order, follow=follow, as_json=as_json)


def _run_job(order: Order, *, follow: bool, as_json: bool) -> None:
    job = Job(_submit(order, submission.submit), default_client())
    try:
        if follow:
            follow_job(job)
    finally:
        if as_json:
            write_json(job.record)
    if not (follow or as_json):
        click.echo(job.id)
        click.echo(f"`labdock logs {job.id} --follow` shows what it does.", err=True)


def _run_grid(order: Order, *, follow: bool, as_json: bool) -> None:
    grid = Grid(_submit(order, submission.submit_grid), default_client())
    if follow:
        show_grid(grid, follow=True, as_json=as_json)
    elif as_json:
        write_json(grid.record)
    else:
        click.echo(grid.id)
        jobs = len(grid.record.jobs)
        click.echo(f"{jobs} jobs: `labdock grid {grid.id} --follow` shows them.", err=True)


def _submit(order: Order, send: Send[Record]) -> Record:
    client = default_client()
    with reporting() as report:
        taken = submission.take(client, order, report)
        record = send(client, order, taken, report)
    for warning in taken.warnings:
        click.secho(warning, fg="yellow", err=True)
    return record


def parse_parameters(options: Sequence[str], known: Sequence[Parameter]) -> dict[str, Any]:
    """The values of `NAME=VALUE` as typed, each of its parameter's kind. Raises Mistake."""
    values: dict[str, Any] = {}
    for option in options:
        name, text = reading.split(option, "-p NAME=VALUE")
        parameter = next((one for one in known if one.name == name), Parameter(name=name))
        values[name] = reading.parse(parameter, text)
    return values


@click.command()
@_entry_options
def package(
    entry: Path,
    project: str | None,
    environment: str | None,
    renew_lock: bool,
    parameters: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what submit would run, without running it: files, dependencies, and the image.

    For example: labdock package digits.ipynb
    """
    order = Order(
        entry=entry,
        project=project,
        environment=environment,
        renew_lock=renew_lock,
        parameters=parse_parameters(parameters, reading.of_entry(entry) or []),
    )
    with reporting() as report:
        made = submission.package(default_client(), order, report)
    if as_json:
        write_json(made)
    else:
        _show_package(made)


def _show_package(made: Package) -> None:
    source, snapshot = made.source, made.snapshot
    click.secho("Files", bold=True)
    for file in source.files:
        click.echo(
            f"  {file.path}{f' → {file.link}' if file.link else ''}  {wording.size(file.size)}"
        )
    for title, entries in (
        ("Left out", [f"{path}  {reason}" for path, reason in made.left_out.items()]),
        (f"Dependencies (from {source.requirements.origin})", source.requirements.lines),
        ("Locked", snapshot.lock),
    ):
        if entries:
            click.secho(title, bold=True)
            click.echo("\n".join(f"  {entry}" for entry in entries))
    write_parameters(snapshot.parameters, made.parameters)
    git = source.git
    write_fields(
        {
            "Entry": source.entry,
            "Size": wording.size(sum(file.size for file in source.files)),
            "Git": git and f"{git.commit}{' with changes' if git.dirty else ''}",
            "Source": source.digest,
            "Snapshot": snapshot.digest,
            "Environment": snapshot.environment,
            "Image": snapshot.image,
        }
    )
    for warning in made.warnings:
        click.secho(warning, fg="yellow", err=True)
