"""`labdock up` and `labdock down`."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from labdock_service import bootstrap, hubadmin
from labdock_service.backup.restoring import check_finished
from labdock_service.backup.upgrading import bring_up_to_date
from labdock_service.deployment import (
    SERVERS,
    Deployment,
    NotStarted,
    as_it_runs,
    ending,
    restore_settings,
)
from labdock_service.installation import ensure_environment, ensure_proxy
from labdock_service.settings import Settings, SettingsError, find_file, load_settings
from labdock_service.statefolder import StateFolder


class Steps:
    """Says what is done and, when the next thing begins, how long the last one took."""

    def __init__(self) -> None:
        self._what = ""
        self._began = 0.0

    def __call__(self, what: str) -> None:
        """Begin a step."""
        self.finish()
        click.echo(f"  {what} ...")
        self._what, self._began = what, time.monotonic()

    def finish(self) -> None:
        """End the last step."""
        if self._what:
            click.echo(f"  {self._what}: {time.monotonic() - self._began:.0f} s")
        self._what = ""


def set_up_containers(settings: Settings, steps: Steps) -> None:
    """The same for the Docker engine, whose parts take a while to import."""
    from labdock_service.commands.containersetup import set_up

    set_up(settings, steps)


def start(detach: bool) -> None:
    """Set up what is missing, start the hub and, unless detached, stay with it."""
    deployment = Deployment(load_settings())
    bootstrap.make_folder(deployment.state.root)
    if deployment.is_running():
        click.echo(f"Labdock is running already: {as_it_runs(deployment.settings).public_address}")
        return
    with _alone(deployment):
        steps = Steps()
        if deployment.settings.engine == "process":
            ensure_environment(deployment.state, steps)
        else:
            set_up_containers(deployment.settings, steps)
        ensure_proxy(deployment.state, steps)
        deployment.sweep()
        deployment.check_space()
        deployment.check_ports()
        deployment.check_engine()
        deployment.check_certificate()
        check_finished(deployment.state)
        way_back = bring_up_to_date(deployment.settings, lambda what, _: _step(steps, what))
        steps("the hub")
        hub = _start_hub(deployment)
        steps.finish()
    if way_back:
        click.echo(_told_of(way_back))
    told = welcome(deployment.settings, detach)
    if detach:
        click.echo(told)
    else:
        _stay(deployment, hub, told)


def _step(steps: Steps, what: str) -> Callable[[int], None]:
    steps(what)
    return lambda _: None


def _told_of(way_back: Path) -> str:
    """Where the databases of before the upgrade are, and what they are good for."""
    place = f"{way_back.parents[1].name}/{way_back.parent.name}/{way_back.name}"
    return (
        f"The databases are of this version now. As they were before: {place}. The way back is "
        "`labdock restore --force` of that file with the older version."
    )


def _start_hub(deployment: Deployment) -> subprocess.Popen[bytes]:
    """The hub, once it is ready; where it does not get so, nothing of it is left behind."""
    hub = deployment.start()
    try:
        with ending(hub):
            deployment.wait_until_ready(hub)
            hubadmin.leave_members_only(deployment.settings)
    except BaseException:  # also where somebody presses Ctrl-C
        deployment.sweep(kept=SERVERS)
        raise
    return hub


def stop() -> None:
    """Stop everything."""
    deployment = Deployment(_settings_to_stop())
    if not deployment.has_left_something():
        click.echo("Labdock does not run.")
        return
    steps = Steps()
    deployment.stop(steps)
    steps.finish()
    click.echo("Labdock has stopped. Jobs go on at the next `make up`.")


def _settings_to_stop() -> Settings:
    """What the settings say or, where they cannot be used any more, said at the start."""
    try:
        return load_settings()
    except SettingsError as error:
        state = StateFolder(bootstrap.state_folder(find_file()))
        settings = restore_settings(state)
        if settings is None or not Deployment(settings).has_left_something():
            raise
        click.echo(f"{error} It is stopped with the settings of its start.", err=True)
        return settings


def welcome(settings: Settings, detach: bool) -> str:
    """Where to go, and how to log in."""
    lines = ["", f"Labdock is ready: {settings.public_address}"]
    lines += [f"  {what:<10} {value}" for what, value in _login(settings)]
    lines.append(f"  {'log':<10} {settings.state.root.name}/logs/hub.log")
    if not detach:
        lines.append("Ctrl-C ends the hub; jobs and notebooks go on. `make down` stops everything.")
    return "\n".join(lines)


def _login(settings: Settings) -> Iterator[tuple[str, str]]:
    state = settings.state
    if settings.auth.kind != "password":
        yield "log in", f"with {settings.auth.title}"
        return
    yield "log in as", " or ".join(settings.admins)
    yield "password", f"{state.password.read_text().strip()}  (in {state.root.name}/password)"
    if settings.process.trusted_team:
        team = state.team_password.read_text().strip()
        yield "the team's", f"{team}  (in {state.root.name}/{state.team_password.name})"


def _stay(deployment: Deployment, hub: subprocess.Popen[bytes], told: str) -> None:
    try:
        with ending(hub):
            click.echo(told)  # it names Ctrl-C, which works from here on
            code = hub.wait()
    except KeyboardInterrupt:
        click.echo("\nThe hub has ended; jobs and notebooks go on. `make up` starts it again.")
        return
    if code:
        raise NotStarted(f"The hub ended by itself: {deployment.last_words()}")
    click.echo("The hub has ended.")


@contextmanager
def _alone(deployment: Deployment) -> Iterator[None]:
    """One `labdock up` at a time."""
    deployment.state.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (deployment.state.run / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotStarted("Another `make up` is at work here: wait for it.") from None
        yield
