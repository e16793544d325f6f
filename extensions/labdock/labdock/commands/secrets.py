"""`labdock secrets`: values that jobs get by name."""

from __future__ import annotations

import sys

import click

from labdock import personal
from labdock.client import default_client
from labdock.commands.output import ago, json_option, project_option, write_json, write_table
from labdock.errors import Mistake

NAME = click.argument("name")


@click.group(invoke_without_command=True)
@project_option
@json_option
@click.pass_context
def secrets(context: click.Context, project: str | None, as_json: bool) -> None:
    """List, set and delete values that jobs get by name, such as keys of other services.

    A job finds them as environment variables. For example:

    \b
      labdock secrets
      labdock secrets set WANDB_API_KEY
      labdock submit train.py --secret WANDB_API_KEY
    """
    if (verb := context.invoked_subcommand) is not None:
        if project or as_json:
            raise Mistake(f"Write options after the verb: labdock secrets {verb} …")
        return
    found = default_client().secrets(project)
    if as_json:
        write_json(found)
        return
    titles = ("NAME", "PROJECT", "SET", "BY", "HIDDEN IN LOGS")
    write_table(titles, map(_row, found), "No secret yet: `labdock secrets set` makes one.")


def _row(secret: personal.Secret) -> tuple[str, ...]:
    hidden = "yes" if secret.masked else "no: too short"
    return secret.name, secret.project, ago(secret.changed), secret.changed_by, hidden


@secrets.command(name="set")
@NAME
@project_option
@json_option
def set_secret(name: str, project: str | None, as_json: bool) -> None:
    """Set a secret of your own, or of a project that you administer.

    The value is asked for, or read from standard input. For example:

    \b
      labdock secrets set WANDB_API_KEY
      labdock secrets set SERVICE_KEY --project vision < key.pem
    """
    client = default_client()
    secret = client.set_secret(project or client.project, name, _value())
    if as_json:
        write_json(secret)
    if not secret.masked:
        click.secho(
            f"{name} is too short to be hidden: where a job prints it, the log shows it.",
            fg="yellow",
            err=True,
        )


def _value() -> str:
    """What is typed, unseen; or all of standard input but the line's end after it."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Value", hide_input=True, err=True)
        return typed
    value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise Mistake("There is no value: type it in a terminal, or give it on standard input.")
    return value


@secrets.command()
@NAME
@project_option
def delete(name: str, project: str | None) -> None:
    """Forget a secret; a job that is to get it fails when it starts.

    For example: labdock secrets delete WANDB_API_KEY
    """
    client = default_client()
    client.delete_secret(project or client.project, name)
