"""`labdock images`: the images that people, jobs and models start from."""

from __future__ import annotations

from pathlib import Path

import click

from labdock_service.commands.speaking import spoken

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def images() -> None:
    """Build, lock, copy and check the images that everything starts from."""


@images.command()
@click.argument("names", nargs=-1)
@click.option("--bootstrap", is_flag=True, help="Make the base with debootstrap (as root).")
@click.option("--base", default="debian", help="The base's name in images/lock.toml.")
@click.option("--mirror", default="", help="Debian's mirror for --bootstrap, such as http://HOST.")
@click.option("--ca", type=FILE, help="Certificates that the build trusts, as one PEM file.")
@click.option("--index", default="", help="The package index that the build installs from.")
@click.option("--network", default="", help="Docker's network that the build runs in.")
@click.option("--push", default="", help="The registry that gets them; the deployment's own one.")
@click.option("--no-cache", is_flag=True, help="Build again what is there.")
@click.option("--scan", type=FILE, multiple=True, help="A report of Trivy or Grype on one image.")
@spoken
def build(
    names: tuple[str, ...],
    bootstrap: bool,
    base: str,
    mirror: str,
    ca: Path | None,
    index: str,
    network: str,
    push: str,
    no_cache: bool,
    scan: tuple[Path, ...],
) -> None:
    """Build images, verify and push them.

    Where none is named: base, training, notebook and tensorboard.
    """
    from labdock_service.commands.buildingimages import Order, build_images, usual_registry

    build_images(
        Order(
            names=names,
            base="" if bootstrap else base,
            mirror=mirror,
            ca=ca,
            index=index,
            network=network,
            push=push or usual_registry(),
            fresh=no_cache,
            scans=scan,
        )
    )


@images.command()
@click.argument("names", nargs=-1)
@spoken
def lock(names: tuple[str, ...]) -> None:
    """Ask the registries which digests the tags of images/lock.toml have now, and write them."""
    from labdock_service.images.logins import connect_registry
    from labdock_service.images.resolving import renew_lock

    changed = renew_lock(names, connect_registry, click.echo)
    click.echo(changed or "Every digest is as it was.", nl=not changed)


@images.command()
@click.argument("registry")
@spoken
def mirror(registry: str) -> None:
    """Copy every image of images/lock.toml into a registry of the team's own."""
    from labdock_service.images.logins import connect_registry
    from labdock_service.images.resolving import mirror as copy
    from labdock_service.settings import load_settings

    for done in copy(registry, connect_registry, click.echo, load_settings().state):
        click.echo(f"  {done.reference}: {done.sent / 1e6:.1f} MB sent")


@images.command()
@click.argument("names", nargs=-1)
@spoken
def verify(names: tuple[str, ...]) -> None:
    """Verify environments and model servers on this machine again; it is kept.

    Where none is named: all.
    """
    from labdock_service.commands.admittingimages import verify_environments

    verify_environments(names)


@images.command()
@click.argument("name")
@click.argument("report", type=FILE)
@spoken
def scanned(name: str, report: Path) -> None:
    """Read a report of Trivy or Grype on an image, environment or model server.

    It says whether that is admitted, and is kept: while the policy refuses what it found, nobody
    can choose that environment, and no new revision is served from that image.
    """
    from labdock_service.commands.admittingimages import read_scan

    for line in read_scan(name, report):
        click.echo(line)


@images.command()
@click.argument("name")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@spoken
def sbom(name: str, output: Path | None) -> None:
    """Write what a built image holds, as an SPDX document made by syft."""
    from labdock_service.commands.buildingimages import write_sbom

    click.echo(write_sbom(name, output))
