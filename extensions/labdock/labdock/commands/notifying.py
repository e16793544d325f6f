"""`labdock notify`: where a person is told that their jobs have ended."""

from __future__ import annotations

from typing import get_args

import click

from labdock.client import default_client
from labdock.commands.output import ago, json_option, write_fields, write_json
from labdock.errors import Mistake
from labdock.personal import Notify, NotifyChange, NotifyWhen

WHEN = {"always": "every job", "failed": "jobs that failed"}


@click.command()
@click.option("--email", metavar="ADDRESS", help="Send mail to this address.")
@click.option("--webhook", metavar="URL", help="Send JSON to this address, such as a chat's.")
@click.option("--when", type=click.Choice(get_args(NotifyWhen)), help="Of which ends you are told.")
@click.option("--off", is_flag=True, help="Send nothing more.")
@json_option
def notify(
    email: str | None, webhook: str | None, when: NotifyWhen | None, off: bool, as_json: bool
) -> None:
    """Say where you are told that a job of yours has ended; without options, show it.

    \b
    For example:
      labdock notify --email ada@example.org
      labdock notify --webhook https://chat.example.org/hooks/x7k --when failed
    """
    if off and (email or webhook):
        raise Mistake("--off ends both: leave it out, or --email and --webhook.")
    asked = NotifyChange(email="" if off else email, webhook="" if off else webhook, when=when)
    client = default_client()
    now = client.notify() if asked == NotifyChange() else client.change_notify(asked)
    if as_json:
        write_json(now)
    else:
        _show(now)


def _show(now: Notify) -> None:
    places = {"E-mail": now.email, "Webhook": now.webhook}
    if not any(places.values()):
        click.echo("You are told of no end: see `labdock notify --help`.", err=True)
        return
    last = None
    if now.last is not None:
        last = f"{ago(now.last)}: {now.problem or 'sent'}"
    write_fields({**places, "Of": WHEN[now.when], "Last": last})
    if now.signing_key:
        click.echo(f"It is signed with this key, which is shown this once:\n{now.signing_key}")
