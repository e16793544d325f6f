"""`labdock jobs`, `show`, `logs`, `stop`, `retry`, `delete`, `undelete` and `files`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from labdock import running, schema, servingschema, trials, wording
from labdock.client import default_client
from labdock.commands.output import (
    ago,
    json_option,
    project_option,
    write_fields,
    write_json,
    write_parameters,
    write_table,
)
from labdock.running import Job

JOB = click.argument("job_id", metavar="JOB")
GRID = "x"
"""What ids of grids begin with."""


@click.command()
@project_option
@click.option("--mine", is_flag=True, help="Only jobs that you submitted.")
@click.option("--state", type=click.Choice(get_args(schema.JobState)), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, help="At most so many.")
@click.option("--deleted", is_flag=True, help="Only those that `labdock undelete` has back.")
@json_option
def jobs(
    project: str | None,
    mine: bool,
    state: schema.JobState | None,
    limit: int,
    deleted: bool,
    as_json: bool,
) -> None:
    """List jobs, newest first.

    For example: labdock jobs --mine --state running
    """
    client = default_client()
    owner = client.person if mine else None
    found = client.jobs(project=project, state=state, owner=owner, limit=limit, deleted=deleted)
    if as_json:
        write_json(found)
        return
    titles = ("ID", "NAME", "STATE", "PROJECT", "OWNER", "SUBMITTED", "PROGRESS")
    none = "No job is deleted." if deleted else "No job yet: `labdock submit` starts one."
    write_table(titles, map(_row, found), none)


def _row(job: schema.Job) -> tuple[str, ...]:
    done = wording.progress(job)
    return job.id, job.name, job.state, job.project, job.owner, ago(job.created), done


@click.command()
@JOB
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show a job: its state, what it runs, its attempts and its models.

    For example: labdock show last
    """
    job = running.job(job_id)
    if as_json:
        write_json(job.record)
    else:
        _show(job)


def _show(job: Job) -> None:
    record = job.record
    each = record.resources
    memory = f", {wording.size(each.memory)}" if each.memory else ""
    click.secho(wording.headline(record), bold=True)
    write_fields(
        {
            "Progress": wording.progress(record),
            "Project": record.project,
            "Owner": record.owner,
            "Submitted": ago(record.created),
            "Runs": " ".join([record.entry, *record.arguments]),
            "Without": ", ".join(record.disable),
            "Backups": record.backup_every and f"after every {record.backup_every} steps",
            "Secrets": ", ".join(record.secrets),
            "Grid": record.grid,
            "Workers": f"{record.workers}, each {each.cpus:g} CPU{memory}, {each.gpus} GPU",
            "Snapshot": record.snapshot,
            "Image": record.image,
            "Models": ", ".join(map(_model, job.models())),
            "TensorBoard": job.tensorboard_url,
        }
    )
    for warning in record.warnings:
        click.secho(wording.warning(warning), fg="yellow")
    write_parameters(job.client.snapshot(record.snapshot).parameters, record.parameters)
    for attempt in record.attempts:
        click.echo(f"Attempt {attempt.number}: {_attempt(attempt)}")
    if record.failure and record.failure.traceback:
        lines = record.failure.traceback.splitlines()
        click.echo("\n".join(wording.plain(line) for line in lines))


def _model(model: servingschema.ModelVersion) -> str:
    marked = " (not what was trained)" if model.check.state == "different" else ""
    return f"{model.id} {model.name} version {model.version}{marked}"


def _attempt(attempt: schema.Attempt) -> str:
    workers = ", ".join(f"worker {worker.rank} {_worker(worker)}" for worker in attempt.workers)
    return " · ".join(part for part in (workers, attempt.reason) if part)


def _worker(worker: schema.Worker) -> str:
    ended = f" with {worker.exit_code}" if worker.exit_code else ""
    return f"{worker.state}{ended}"


@click.command()
@JOB
@click.option("--follow", "-f", is_flag=True, help="Go on until the job ends.")
@click.option("--rank", type=click.IntRange(0), default=0, help="Another worker than the chief.")
@click.option("--attempt", type=click.IntRange(1), help="Only this attempt.")
@json_option
def logs(job_id: str, follow: bool, rank: int, attempt: int | None, as_json: bool) -> None:
    """Print what a job's chief wrote; with --json each line as an object.

    For example: labdock logs last --follow
    """
    log = running.job(job_id).logs(rank, attempt)
    for line in log.follow() if follow else log:
        if as_json:
            write_json(line, indent=False)
        else:
            click.echo(wording.plain(line.text))


@click.command()
@click.argument("job_id", metavar="JOB|GRID")
@json_option
def stop(job_id: str, as_json: bool) -> None:
    """Stop a job, or all jobs of a grid; they keep their checkpoints.

    For example: labdock stop last
    """
    if job_id.startswith(GRID):
        _stop_grid(job_id, as_json)
        return
    job = running.job(job_id).stop()
    _changed(job, f"Job {job.id} stops, and keeps its checkpoint.", "stopped", as_json)


def _stop_grid(grid_id: str, as_json: bool) -> None:
    grid = trials.grid(grid_id).stop()
    if as_json:
        write_json(grid.record)
    else:
        click.echo(f"Grid {grid.id} stops; its jobs keep their checkpoints.")


@click.command()
@JOB
@json_option
def retry(job_id: str, as_json: bool) -> None:
    """Run a job that failed or was stopped again, from its last checkpoint.

    For example: labdock retry j4fk
    """
    job = running.job(job_id).retry()
    _changed(job, f"Job {job.id} runs again.", "succeeded", as_json)


@click.command()
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@json_option
def delete(job_ids: tuple[str, ...], as_json: bool) -> None:
    """Delete jobs that have ended, with their logs, files and curves; their models stay.

    For seven days `labdock undelete` has them back.

    For example: labdock delete j4fk j7qa
    """
    for job in [running.job(job_id) for job_id in job_ids]:
        job.delete()
        if as_json:
            write_json(job.record, indent=False)
        else:
            click.echo(f"Job {job.id} is deleted: `labdock undelete {job.id}` has it back.")


@click.command()
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@json_option
def undelete(job_ids: tuple[str, ...], as_json: bool) -> None:
    """Have jobs back that were deleted in the last seven days: `labdock jobs --deleted`.

    For example: labdock undelete j4fkq7x2mbd
    """
    client = default_client()
    for job_id in job_ids:
        record = client.restore_job(job_id)
        if as_json:
            write_json(record, indent=False)
        else:
            click.echo(wording.headline(record))


def _changed(job: Job, sentence: str, target: str, as_json: bool) -> None:
    """Say what will be, or what is where nothing is to change any more."""
    record = job.record
    if as_json:
        write_json(record)
    else:
        changes = record.target == target != record.state
        click.echo(sentence if changes else wording.headline(record))


@click.command()
@JOB
@click.argument("paths", nargs=-1)
@click.option("--to", type=click.Path(path_type=Path), help="Download into this folder.")
@json_option
def files(job_id: str, paths: tuple[str, ...], to: Path | None, as_json: bool) -> None:
    """List the files that a job wrote, or download them, all or those of PATHS.

    \b
    For example:
      labdock files last
      labdock files last digits.executed.ipynb --to results
    """
    job = running.job(job_id)
    if to is not None or paths:
        _download(job, paths, to or Path())
        return
    found = job.files()
    if as_json:
        write_json(found)
        return
    rows = ((file.path, wording.size(file.size), ago(file.modified)) for file in found)
    write_table(("PATH", "SIZE", "WRITTEN"), rows, "This job has written no file yet.")


def _download(job: Job, paths: tuple[str, ...], folder: Path) -> None:
    for path in paths or (None,):
        for place in job.download(path, to=folder):
            click.echo(place)
