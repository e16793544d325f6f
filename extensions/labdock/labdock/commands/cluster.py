"""`labdock environments` and `labdock nodes`."""

from __future__ import annotations

import click

from labdock import schema, wording
from labdock.client import default_client
from labdock.commands.output import json_option, write_json, write_table


@click.command()
@json_option
def environments(as_json: bool) -> None:
    """List what notebooks and jobs can start from.

    For example: labdock environments --json
    """
    found = default_client().environments()
    if as_json:
        write_json(found)
        return
    rows = map(_environment_row, found)
    titles = ("NAME", "PYTHON", "DEFAULT", "TITLE", "DIGEST")
    write_table(titles, rows, "No environment yet: an admin makes one with `labdock up`.")


def _environment_row(one: schema.Environment) -> tuple[str, ...]:
    return (one.name, one.python, "yes" if one.default else "", _title(one), one.digest)


def _title(one: schema.Environment) -> str:
    if one.unavailable:
        return f"{one.title} (unavailable: {one.unavailable})"
    return one.title if one.verified else f"{one.title} (not verified here yet)"


@click.command()
@json_option
def nodes(as_json: bool) -> None:
    """List the machines that run workers, and what is free on them.

    For example: labdock nodes
    """
    found = default_client().nodes()
    if as_json:
        write_json(found)
        return
    titles = ("NAME", "CPUS FREE", "MEMORY FREE", "GPUS FREE")
    write_table(titles, map(_node_row, found), "There is no node: see `labdock doctor`.")


def _node_row(node: schema.Node) -> tuple[str, ...]:
    free = sum(device.holder is None for device in node.devices)
    memory = wording.size(node.memory - node.memory_leased)
    return (
        node.name,
        f"{node.cpus - node.cpus_leased:g} of {node.cpus:g}",
        f"{memory} of {wording.size(node.memory)}",
        f"{free} of {len(node.devices)}",
    )
