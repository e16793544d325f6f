"""The admin's commands: `labdock up`, `down`, `doctor`, `token`, `rekey`, `backup`, `restore`
and `images`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from labdock_service.commands.images import images
from labdock_service.commands.speaking import spoken


@click.command()
@click.option("--detach", is_flag=True, help="Return when the login page is there.")
@spoken
def up(detach: bool) -> None:
    """Set up what is missing and start the hub on this machine."""
    from labdock_service.commands.starting import start

    start(detach)


@click.command()
@spoken
def down() -> None:
    """Stop everything; jobs keep a checkpoint and go on at the next start."""
    from labdock_service.commands.starting import stop

    stop()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@spoken
def doctor(as_json: bool) -> None:
    """Say what is missing on this machine, and how to get it."""
    from labdock_service.commands.examination import examine

    examine(as_json)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@spoken
def token(name: str, as_json: bool) -> None:
    """Print a token for a person, for LABDOCK_TOKEN outside of the hub."""
    from labdock_service.deployment import as_it_runs
    from labdock_service.hubadmin import make_token
    from labdock_service.settings import load_settings

    made = make_token(as_it_runs(load_settings()), name)
    click.echo(json.dumps({"name": name, "token": made}) if as_json else made)


@click.command()
@spoken
def rekey() -> None:
    """Make a new key for the stored secrets, and seal all of them with it."""
    from labdock_service.commands.rekeying import renew_keys
    from labdock_service.settings import load_settings

    for name in renew_keys(load_settings()):
        click.echo(f"{name} can't be read any more: it has to be set again.", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--homes", is_flag=True, help="Take people's homes and the data roots too.")
@spoken
def backup(file: Path, homes: bool) -> None:
    """Write the whole deployment into one new file, also while it runs."""
    from labdock_service.commands.keeping import back_up

    back_up(file, homes)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is here, which is kept beside.")
@spoken
def restore(file: Path, force: bool) -> None:
    """Put a backup into the state folder, checked before anything is changed."""
    from labdock_service.commands import keeping

    keeping.restore(file, force)


COMMANDS = [up, down, doctor, token, rekey, backup, restore, images]
