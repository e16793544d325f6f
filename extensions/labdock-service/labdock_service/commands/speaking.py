"""What goes wrong in a command becomes a sentence and an exit code, never a traceback."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec

import click

Arguments = ParamSpec("Arguments")

MISTAKE = 2
BROKEN = 3


def spoken(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Give a command that speaks: 2 for what the person can mend, 3 for what Labdock must."""

    @functools.wraps(command)
    def speaking(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        from labdock_service.bootstrap import Refused
        from labdock_service.errors import ServiceError, Unavailable

        try:
            command(*arguments, **options)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Unavailable as error:
            _leave(str(error), BROKEN)
        except (ServiceError, Refused) as error:
            _leave(str(error), MISTAKE)
        except Exception as error:
            _leave(_unexpected(error), BROKEN)

    return speaking


def _leave(sentence: str, code: int) -> None:
    click.echo(sentence, err=True)
    sys.exit(code)


def _unexpected(error: Exception) -> str:
    """Keep what a developer needs where the admin can find it."""
    from labdock_service.settings import load_settings

    told = "".join(traceback.format_exception(error))
    try:
        folder = load_settings().state.logs
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "commands.log").open("a") as log:
            log.write(told)
        place = " What it was is in logs/commands.log of the state folder."
    except Exception:  # the settings or the folder are what is broken
        place = ""
    return f"Labdock itself failed ({type(error).__name__}).{place}"
