"""What `labdock images` does to let images in or keep them out: `verify`, and scans."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from docker import DockerClient
from docker.errors import ImageNotFound

from labdock_service.commands.starting import Steps
from labdock_service.containers import docker_client
from labdock_service.errors import Invalid, Unavailable
from labdock_service.findings import Policy, judge
from labdock_service.images.admission import Check, recipe_of, refuse_failures
from labdock_service.images.layout import BuiltImage, BuiltImages
from labdock_service.images.recipes import RECIPES
from labdock_service.images.scanning import ScanReport, read_report, refuse_findings
from labdock_service.packaging.environments import (
    PinnedEnvironment,
    find_environments,
    find_named,
)
from labdock_service.serving.servers import ServerImage, read_servers
from labdock_service.settings import Settings, load_settings
from labdock_service.store import Store, verifications
from labdock_service.verifying import Verifier, digest_of, open_records

MARKS = {True: "ok", False: "FAILED", None: "-"}


@dataclass(frozen=True)
class Admission:
    """Lets images in that pass, and keeps what was found where there is a database."""

    settings: Settings
    client: DockerClient
    store: Store | None

    def admit(self, image: BuiltImage, reports: Sequence[ScanReport]) -> None:
        """Let a built image in, and say what could not be checked here. Raises Invalid."""
        for report in reports:
            if report.is_of((image.digest, image.id)):
                for passing in self.scan(image.name, image.digest, report):
                    click.echo(f"    {passing}")
        recipe = RECIPES[image.name]
        checks = Verifier(self.client, self.store).verify(recipe, image.id, image.digest)
        refuse_failures(image.name, checks)
        for check in checks:
            if check.passed is None:
                click.echo(f"    {check}")

    def scan(self, name: str, digest: str, report: ScanReport) -> list[str]:
        """Keep a report on an image, and judge it; what the policy lets pass. Raises Invalid."""
        if self.store is not None:
            with self.store.write() as session:
                found = report.findings
                verifications.keep_scan(session, digest, report.scanner, found, time.time())
        policy = Policy.of(self.settings.images)
        judgement = judge(report.findings, policy, date.today())
        refuse_findings(name, judgement)
        return [
            f"passes until {policy.passing[finding.id]}: {finding}" for finding in judgement.ignored
        ]


def verify_environments(names: Sequence[str]) -> None:
    """Verify the images of environments and servers on this machine again; all without names.

    Raises Invalid where one fails.
    """
    settings = load_settings()
    client = docker_client()
    verifier = Verifier(client, open_records(settings))
    steps = Steps()
    failed: list[str] = []
    servers = {server.name: server for server in read_servers(settings.state.environments)}
    others = [name for name in names if name not in servers]
    for environment in _environments(others, settings) if others or not names else ():
        for image in dict.fromkeys((environment.notebook, environment.training)):
            failed += _verify_again(verifier, environment, image, steps)
    for name in [name for name in names if name in servers] if names else servers:
        failed += _verify_server(verifier, servers[name], steps)
    if failed:
        raise Invalid(f"It is not used here any more: {'; '.join(failed)}.")


def _environments(names: Sequence[str], settings: Settings) -> list[PinnedEnvironment]:
    there = find_environments(settings.state, "image")
    found = [(name, find_named(there, name)) for name in names]
    for name, environment in found:
        if environment is None:
            known = ", ".join(one.name for one in there) or "none yet"
            raise Invalid(f"There is no environment of images '{name[:50]}'; there are: {known}.")
    return [one for _, one in found if one is not None] or there


def _verify_again(
    verifier: Verifier, environment: PinnedEnvironment, image: str, steps: Steps
) -> list[str]:
    try:
        recipe = recipe_of(verifier.client, image)
    except ImageNotFound:
        raise _not_here(environment.name) from None
    if recipe is None:
        click.echo(f"  {environment.name}: {digest_of(image)} was not built by Labdock.")
        return []
    steps(f"{environment.name}: {recipe.name}")
    checks = verifier.verify(recipe, image, digest_of(image))
    steps.finish()
    return list(_failed(environment.name, checks))


def _verify_server(verifier: Verifier, server: ServerImage, steps: Steps) -> list[str]:
    steps(server.name)
    try:
        checks = verifier.verify_server(server)
    except ImageNotFound:
        raise _not_here(server.name) from None
    finally:
        steps.finish()
    return list(_failed(server.name, checks))


def _failed(name: str, checks: Sequence[Check]) -> Iterator[str]:
    """Say each check; those that failed."""
    for check in checks:
        click.echo(_line(check))
        if check.passed is False:
            yield f"{name} ({check})"


def _not_here(name: str) -> Unavailable:
    return Unavailable(
        f"The images of {name} are not on this machine yet: they are fetched while Labdock runs."
    )


def _line(check: Check) -> str:
    return f"    {MARKS[check.passed]:<7} {check}"


def read_scan(name: str, file: Path) -> Iterator[str]:
    """What the policy makes of a report on an image, environment or server, which is kept.

    Raises Invalid where it is refused: it cannot be chosen any more then.
    """
    settings = load_settings()
    report = read_report(file)
    known = _known_as(name, settings)
    meant = [digest for digest, names in known.items() if report.is_of((digest, names))]
    if not meant:
        raise Invalid(
            f"'{file.name}' is about another image than {name}: scan {' or '.join(known.values())},"
            " which is what Docker here calls it."
        )
    admission = Admission(settings, docker_client(), open_records(settings))
    for digest in meant:
        yield from admission.scan(name, digest, report)
    yield f"{name} is admitted by {report.scanner}'s report ({len(report.findings)} findings)."


def _known_as(name: str, settings: Settings) -> dict[str, str]:
    """The digests of the images that are meant, each with what Docker here calls it."""
    image = BuiltImages(settings.state).find(name)
    if image is not None:
        return {image.digest: image.id}
    client = docker_client()
    return {digest_of(image): _id(client, image) for image in _images_of(name, settings)}


def _images_of(name: str, settings: Settings) -> list[str]:
    environment = find_named(find_environments(settings.state, "image"), name)
    if environment is not None:
        return [environment.notebook, environment.training]
    for server in read_servers(settings.state.environments):
        if server.name == name:
            return [server.image]
    raise Invalid(
        f"There is no built image, environment or model server '{name[:50]}': `labdock images "
        "build` makes the first two, and images/lock.toml names the last."
    )


def _id(client: DockerClient, image: str) -> str:
    try:
        return str(client.images.get(image).id)
    except ImageNotFound:
        return image
