"""The command line. Commands load when they are used, so that each starts at once."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

try:
    import click
except KeyboardInterrupt:  # it takes a while, and the person did not wait for it
    sys.exit(130)

from labdock.errors import LabdockError, Mistake

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Jobs": {
        "submit": ("submitting", "Run a notebook or a script as a job."),
        "package": ("submitting", "Show what submit would run, without running it."),
        "jobs": ("jobs", "List jobs, newest first."),
        "show": ("jobs", "Show a job: its state, what it runs, its attempts and models."),
        "logs": ("jobs", "Print what a job wrote, also while it runs."),
        "stop": ("jobs", "Stop a job, or a grid; checkpoints are kept."),
        "retry": ("jobs", "Run a job again from its last checkpoint."),
        "delete": ("jobs", "Delete jobs that have ended; their models stay."),
        "undelete": ("jobs", "Have jobs back that were deleted in the last seven days."),
        "grid": ("grids", "Show what became of each point of a grid."),
        "grids": ("grids", "List grids, newest first."),
        "files": ("jobs", "List or download the files that a job wrote."),
    },
    "What jobs get, and who is told of their end": {
        "secrets": ("secrets", "List, set and delete values that jobs get by name."),
        "notify": ("notifying", "Say where you are told that a job of yours has ended."),
    },
    "Models and endpoints": {
        "models": ("models", "List the model versions that jobs saved."),
        "deploy": ("serving", "Put a model behind an endpoint."),
        "undo": ("serving", "Go back to the revision that an endpoint had before."),
        "endpoints": ("serving", "List endpoints, or show one with its revisions."),
        "keys": ("serving", "Make, list and revoke the keys of an endpoint."),
        "predict": ("serving", "Ask an endpoint's model."),
        "trace": ("serving", "Print the way back from a revision to its notebook."),
    },
    "What there is to run on": {
        "environments": ("cluster", "List what notebooks and jobs can start from."),
        "nodes": ("cluster", "List the machines that run workers, and what is free."),
        "gpu": ("gpus", "Show who has which GPU; give yours back, or ask for one."),
    },
}
"""The commands by section of the help: the module that holds each, and the line of the help."""

ADMIN = {
    "up": "Start Labdock on this machine.",
    "down": "Stop it; jobs keep a checkpoint and go on at the next start.",
    "doctor": "Say what is missing on this machine and how to get it.",
    "token": "Make a token for somebody who works from outside the hub.",
    "backup": "Write the whole deployment into one file, also while it runs.",
    "restore": "Put a backup into the state folder.",
    "rekey": "Make a new key for the stored secrets, and seal all of them with it.",
    "images": "Build, lock, copy and check the images that everything starts from.",
}
"""Commands that come with the service, on the hub's machine only."""

ENTRY_POINTS = "labdock.commands"
BROKEN_PIPE = 141
INTERRUPTED = 130
UNEXPECTED = 3


class Commands(click.Group):
    """Labdock's commands, and those of an installed service."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, as the help shows them."""
        del ctx
        return [*(name for section in SECTIONS.values() for name in section), *ADMIN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        del ctx
        for section in SECTIONS.values():
            if cmd_name in section:
                module = importlib.import_module(f"labdock.commands.{section[cmd_name][0]}")
                command: click.Command = getattr(module, cmd_name)
                return command
        return _installed_command(cmd_name) or _absent_command(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where who reads its output has gone, end quietly."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(_broken_pipe()) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by section, without loading them."""
        del ctx
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in section.items()])
        with formatter.section("On the hub's machine"):
            formatter.write_dl(list(ADMIN.items()))


def _installed_command(name: str) -> click.Command | None:
    """A command of the service, where it is installed."""
    from importlib.metadata import entry_points

    commands = (command for point in entry_points(group=ENTRY_POINTS) for command in point.load())
    return next((command for command in commands if command.name == name), None)


def _absent_command(name: str) -> click.Command | None:
    """What says where a command of the service is to be run."""
    if name not in ADMIN:
        return None

    def elsewhere(arguments: tuple[str, ...]) -> None:
        del arguments
        raise Mistake(
            f"`labdock {name}` is for the hub's machine: run it there, in Labdock's own folder "
            "(the first `make up` sets it up)."
        )

    anything = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(
        name, callback=elsewhere, params=[anything], help=ADMIN[name], context_settings=settings
    )


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Outside of the hub, LABDOCK_URL says where it is and LABDOCK_TOKEN who you are. "
    "A job's id may be shortened; `last` is your newest job.",
)
@click.version_option(package_name="labdock", message="labdock %(version)s")
def cli() -> None:
    """Train notebooks and scripts on a Labdock, and put their models behind endpoints.

    For example: labdock submit digits.ipynb --workers 2 --follow
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the answer is the exit code.

    0: done. 1: the job failed. 2: your mistake. 3: the service. 130: interrupted.
    """
    color = False if "NO_COLOR" in os.environ else None
    try:
        code = cli.main(arguments, prog_name="labdock", standalone_mode=False, color=color)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return Mistake.exit_code
    except LabdockError as error:
        click.secho(str(error), fg="red", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _broken_pipe()
    except OSError as error:
        return _unusable(error)
    except Exception as error:
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _broken_pipe() -> int:
    """End quietly, as other programs do where `head` has read enough."""
    _drop_output()
    return BROKEN_PIPE


def _unusable(error: OSError) -> int:
    """A file or folder that the person named, or where the output goes."""
    what = "The output" if error.filename is None else str(error.filename)
    _drop_unwritten()
    reason = (error.strerror or type(error).__name__).lower()
    click.secho(f"{what} cannot be used: {reason}.", fg="red", err=True)
    return Mistake.exit_code


def _unexpected(error: Exception) -> int:
    _drop_unwritten()
    kind = type(error).__name__
    click.secho(f"labdock itself failed ({kind}): {error}", fg="red", err=True)
    return UNEXPECTED


def _drop_unwritten() -> None:
    """Keep Python from trying once more, at its end, to write what could not be written."""
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
