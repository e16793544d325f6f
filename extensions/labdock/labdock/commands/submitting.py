"""`labdock submit` and `labdock package`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import click

from labdock import submission, wording
from labdock.client import default_client
from labdock.commands.following import follow_job, reporting
from labdock.commands.output import json_option, project_option, write_fields, write_json
from labdock.errors import Mistake
from labdock.parameters import check_name
from labdock.quantities import resources, seconds
from labdock.running import Job
from labdock.schema import Part
from labdock.submission import Order, Package


def _entry_options(command: Any) -> Any:
    options = [
        click.argument("entry", type=click.Path(path_type=Path)),
        project_option,
        click.option("--environment", metavar="NAME", help="What the code runs in."),
        click.option("--renew-lock", is_flag=True, help="Resolve dependencies anew."),
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
    "parameters",
    "-p",
    "--parameter",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for the notebook's cell of parameters: JSON, or else text.",
)
@click.option("--time-limit", metavar="TIME", help="How long an attempt may run, such as 2h.")
@click.option(
    "--max-attempts", type=click.IntRange(1), default=3, help="Tries, if workers get lost."
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
    time_limit: str | None,
    max_attempts: int,
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
    """
    order = Order(
        entry=entry,
        arguments=list(arguments),
        project=project,
        environment=environment,
        renew_lock=renew_lock,
        workers=workers,
        resources=resources(cpus, memory, gpus),
        name=name,
        parameters=dict(map(parse_parameter, parameters)),
        time_limit=None if time_limit is None else seconds(time_limit),
        max_attempts=max_attempts,
        disable=submission.parts([word.strip() for word in without.split(",") if word.strip()]),
        secrets=list(secrets),
        notify=notify,
    )
    job = _submit(order)
    try:
        if follow:
            follow_job(job)
    finally:
        if as_json:
            write_json(job.record)
    if not (follow or as_json):
        click.echo(job.id)
        click.echo(f"`labdock logs {job.id} --follow` shows what it does.", err=True)


def _submit(order: Order) -> Job:
    client = default_client()
    with reporting() as report:
        taken = submission.take(client, order, report)
        record = submission.submit(client, order, taken, report)
    for warning in taken.warnings:
        click.secho(warning, fg="yellow", err=True)
    return Job(record, client)


def parse_parameter(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`, the value as JSON or else as text."""
    name, found, value = text.partition("=")
    if not found:
        raise Mistake(f"{text!r} is no parameter: write -p NAME=VALUE.")
    check_name(name)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@click.command()
@_entry_options
def package(
    entry: Path, project: str | None, environment: str | None, renew_lock: bool, as_json: bool
) -> None:
    """Show what submit would run, without running it: files, dependencies, and the image.

    For example: labdock package digits.ipynb
    """
    order = Order(entry=entry, project=project, environment=environment, renew_lock=renew_lock)
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
