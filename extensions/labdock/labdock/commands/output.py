"""How commands write: JSON of the wire types, tables and fields as plain text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from labdock import wording
from labdock.inputs import Parameter

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """`--json` for a command that lists or shows something."""
    return click.option("as_json", "--json", is_flag=True, help="Print JSON of the wire types.")(
        command
    )


def project_option(command: F) -> F:
    """`--project` for a command that concerns one project or another."""
    return click.option("--project", metavar="NAME", help="A project, instead of your own.")(
        command
    )


def write_json(value: object, *, indent: bool = True) -> None:
    """Write a wire type, or a list of them, as JSON."""
    import msgspec

    encoded = msgspec.json.encode(value)
    click.echo(msgspec.json.format(encoded, indent=2) if indent else encoded)


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Write rows in columns, or a sentence where there is none."""
    cells = [[wording.one_line(str(cell)) for cell in row] for row in rows]
    if not cells:
        click.echo(empty, err=True)
        return
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    click.secho(_line(titles, widths), bold=True)
    for row in cells:
        click.echo(_line(row, widths))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip()


def write_fields(fields: dict[str, object]) -> None:
    """Write a thing's properties, one a line; those without a value are left out."""
    shown = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {wording.one_line(str(value))}")


def write_parameters(known: Sequence[Parameter] | None, given: Mapping[str, Any]) -> None:
    """Write what a notebook's cell of parameters sets, and what a job sets in its place."""
    from labdock.parameters import KINDS

    shown = known or [Parameter(name=name) for name in given]
    if not shown:
        return
    click.secho("Parameters", bold=True)
    width = max(len(parameter.name) for parameter in shown)
    for parameter in shown:
        name, kind = parameter.name, KINDS[parameter.kind][0]
        override = f" → {given[name]!r}" if name in given else ""
        text = f"{name.ljust(width)}  {parameter.text or 'none'}{override}  ({kind})"
        click.echo(f"  {wording.one_line(text)}")


def ago(moment: float) -> str:
    """How long ago a moment was."""
    return f"{wording.duration(time.time() - moment)} ago"
