"""`labdock gpu`: who has which GPU, and those of one's own notebook server."""

from __future__ import annotations

import sys
import time

import click

from labdock import gpu as own
from labdock import wording
from labdock.commands.output import json_option, write_json, write_table
from labdock.errors import Conflict, LabdockError, Mistake
from labdock.gpuschema import Gpu, NotebookLease


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def gpu(context: click.Context, as_json: bool) -> None:
    """Show who has which GPU; in a notebook server, give its GPU back or ask for one.

    \b
    For example:
      labdock gpu
      labdock gpu release
      labdock gpu acquire --wait
    """
    if (verb := context.invoked_subcommand) is not None:
        if as_json:
            raise Mistake(f"Write options after the verb: labdock gpu {verb} …")
        return
    found = own.status()
    if as_json:
        write_json(found)
        return
    titles = ("GPU", "KIND", "MEMORY", "NODE", "HELD BY", "UNTIL")
    write_table(titles, map(_row, found), "There is no GPU: see `labdock doctor`.")
    _tell_notice()


def _row(one: Gpu) -> tuple[str, ...]:
    until = wording.duration(max(0.0, one.until - time.time())) if one.until else ""
    lost = " (its machine lists it no longer)" if one.lost else ""
    memory = wording.size(one.memory) if one.memory else ""
    held = one.held_by or "free"
    return one.uuid, one.title, memory, one.node, held + lost, f"in {until}" if until else ""


def _tell_notice() -> None:
    """In a notebook server, say what became of its GPUs by itself."""
    try:
        notice = own.notice()
    except LabdockError:
        return
    if notice:
        click.secho(notice, fg="yellow", err=True)


@gpu.command()
@click.option("--shut-down", is_flag=True, help="End kernels that have the GPU open.")
@json_option
def release(shut_down: bool, as_json: bool) -> None:
    """Give the GPUs of your notebook server back; kernels started afterwards see none.

    Where a kernel has one open you are asked first. For example: labdock gpu release
    """
    try:
        lease = own.release(shut_down=shut_down)
    except Conflict as refusal:
        if not (sys.stdin.isatty() and click.confirm(f"{refusal}\nShut down now?", err=True)):
            raise
        lease = own.release(shut_down=True)
    _show(lease, as_json, "Given back: kernels and terminals started from now on see no GPU.")


@gpu.command()
@click.argument("gpus", type=click.IntRange(1, 64), default=1)
@click.option("--wait", is_flag=True, help="Wait in the queue until they are free.")
@json_option
def acquire(gpus: int, wait: bool, as_json: bool) -> None:
    """Ask for GPUs for your notebook server; kernels started afterwards see them.

    For example: labdock gpu acquire --wait
    """
    lease = own.acquire(gpus, wait=wait, told=lambda text: click.echo(text, err=True))
    found = ", ".join(lease.devices)
    _show(lease, as_json, f"Yours now: {found}. Restart a kernel for it to see that.")


def _show(lease: NotebookLease, as_json: bool, sentence: str) -> None:
    if as_json:
        write_json(lease)
    else:
        click.echo(sentence)
