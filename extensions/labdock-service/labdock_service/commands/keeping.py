"""`labdock backup` and `labdock restore`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from labdock import wording
from labdock_service import bootstrap
from labdock_service.backup.making import Backup
from labdock_service.backup.restoring import Restore
from labdock_service.commands.starting import Steps
from labdock_service.deployment import Deployment
from labdock_service.errors import Conflict
from labdock_service.settings import load_settings


class Bars:
    """A bar for each thing that has a size, at a terminal; else a line."""

    def __init__(self) -> None:
        self._steps = Steps()
        self._bar: Any = None

    def __call__(self, what: str, size: int) -> Callable[[int], None]:
        """Begin something; give what it tells how many bytes more are done."""
        self.finish()
        if not size or not sys.stdout.isatty():
            self._steps(what)
            return lambda _: None
        self._bar = click.progressbar(length=size, label=f"  {what}").__enter__()
        return lambda count: self._bar.update(count)

    def finish(self) -> None:
        """End the last thing."""
        self._steps.finish()
        if self._bar:
            self._bar.__exit__(None, None, None)
        self._bar = None


def back_up(file: Path, homes: bool) -> None:
    """Write everything into one file."""
    bars = Bars()
    Backup(load_settings(), homes=homes).write(file, bars)
    bars.finish()
    told = "" if homes else " Homes and data roots are not in it: `--homes` takes them too."
    click.echo(f"'{file.name}' holds this deployment, keys and passwords included: keep it apart.")
    click.echo(f"It has {wording.size(file.stat().st_size)}.{told}")


def restore(file: Path, force: bool) -> None:
    """Put a backup in the place of what is there."""
    deployment = Deployment(load_settings())
    if deployment.has_left_something():
        raise Conflict("Labdock runs here: `make down`, then restore.")
    bootstrap.make_folder(deployment.state.root)
    bars = Bars()
    restored = Restore(deployment.settings, force).run(file, bars)
    bars.finish()
    what = "The databases are" if restored.databases_only else "The deployment is"
    click.echo(f"{what} as on {restored.made}: `make up` starts it.")
    if restored.kept:
        root = deployment.state.root
        click.echo(f"What was here before is in {root.name}/{restored.kept.relative_to(root)}.")
