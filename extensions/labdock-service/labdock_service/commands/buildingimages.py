"""What `labdock images build` does, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from docker import DockerClient
from docker.errors import APIError

from labdock_service.bootstrap import make_folder
from labdock_service.commands.admittingimages import Admission
from labdock_service.commands.starting import Steps
from labdock_service.containers import docker_client
from labdock_service.engines.opening import registry_place
from labdock_service.errors import Invalid, Unavailable
from labdock_service.images.bootstrapping import MIRROR, SUITE, bootstrap
from labdock_service.images.building import Beginning, Building, Report, build
from labdock_service.images.layout import BuiltImage, BuiltImages
from labdock_service.images.locked import read_lock
from labdock_service.images.logins import connect_registry
from labdock_service.images.publishing import Pair, push, record_board, record_environment
from labdock_service.images.recipes import RECIPES, chosen
from labdock_service.images.sbom import make_sbom
from labdock_service.images.scanning import read_report
from labdock_service.registry import Registry
from labdock_service.settings import Settings, load_settings
from labdock_service.verifying import open_records

BOARD = "tensorboard"
"""The image that projects' TensorBoards start from."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked of `labdock images build`."""

    names: tuple[str, ...] = ()
    base: str = ""
    """The base's name in the lock; empty for one made by debootstrap."""
    mirror: str = ""
    ca: Path | None = None
    index: str = ""
    network: str = ""
    push: str = ""
    fresh: bool = False
    scans: tuple[Path, ...] = ()


PATIENCE = 600
"""Seconds that Docker has for an answer while it builds."""


def build_images(order: Order) -> None:
    """Build, verify and push; the environments that this makes are recorded."""
    settings = load_settings()
    make_folder(settings.state.root)
    recipes = chosen(order.names)
    reports = [read_report(file) for file in order.scans]
    client = docker_client(PATIENCE)
    admission = Admission(settings, client, open_records(settings))
    steps = Steps()
    made: dict[str, BuiltImage] = {}
    for image in build(recipes, _building(order, settings), client, steps):
        steps(f"{image.name}: verify")
        admission.admit(image, reports)
        if order.push:
            steps(f"{image.name}: push to {order.push}")
            _push(image, order.push, settings)
        steps.finish()
        click.echo(_summary(image))
        made[image.name] = image
    if order.push:
        for pair in _pairs(made, order.push):
            told = record_environment(pair, settings.state, client)
            click.echo(f"The environment {told['name']} is there: {told['title']}.")
        if board := made.get(BOARD):
            record_board(board, order.push, settings.state)


def usual_registry() -> str:
    """The deployment's own registry, where its engine has one."""
    settings = load_settings()
    return registry_place(settings).address if settings.engine == "docker" else ""


def _building(order: Order, settings: Settings) -> Building:
    return Building(
        state=settings.state,
        beginning=_locked(order.base, settings) if order.base else _bootstrapped(order, settings),
        ca=order.ca or settings.images.ca,
        index=order.index or settings.images.index,
        network=order.network or settings.images.network,
        fresh=order.fresh,
    )


def _bootstrapped(order: Order, settings: Settings) -> Beginning:
    mirror = order.mirror.rstrip("/") or MIRROR

    def get(client: DockerClient, report: Report) -> str:
        report(f"Debian {SUITE} with debootstrap")
        return bootstrap(client, BuiltImages(settings.state), mirror)

    return Beginning(f"debootstrap {SUITE} {mirror}", get)


def _locked(name: str, settings: Settings) -> Beginning:
    lock = read_lock()
    reference = lock.get(name).reference
    registry = settings.images.mirror or lock.address(reference.registry)
    place = f"{registry}/{reference.repository}"

    def get(client: DockerClient, report: Report) -> str:
        report(f"{name} from {registry}")
        try:
            pulled = client.images.pull(f"{place}@{reference.digest}")
        except APIError:
            raise Unavailable(
                f"Docker cannot pull {place}@{reference.digest}: see that {registry} can be "
                "reached, name a mirror as `mirror` under [images] in labdock.toml, or use "
                "--bootstrap."
            ) from None
        return str(pulled.id)

    return Beginning(reference.digest, get)


def _push(image: BuiltImage, address: str, settings: Settings) -> None:
    place = registry_place(settings)
    own = place.address == address
    registry = Registry(address, place.login) if own else connect_registry(address)
    push(image, RECIPES[image.name].repository, BuiltImages(settings.state), registry)


def _summary(image: BuiltImage) -> str:
    sizes = f"{image.unpacked / 1e6:.0f} MB, compressed {image.compressed / 1e6:.0f} MB"
    return f"  {image.name}: {image.digest} ({sizes})"


def _pairs(made: Mapping[str, BuiltImage], address: str) -> Iterator[Pair]:
    """The environments that images make: those for GPUs, and those for none."""
    for ending in ("", "-gpu"):
        parts = [f"{part}{ending}" for part in ("training", "notebook")]
        if all(part in made for part in parts):
            training, notebook = (made[part] for part in parts)
            yield Pair(training, notebook, address, gpu=bool(ending))


def write_sbom(name: str, output: Path | None) -> str:
    """Write a built image's SBOM; the answer says where."""
    settings = load_settings()
    image = _built(name, settings)
    target = output or BuiltImages(settings.state).folder / f"{name}.spdx.json"
    packages = make_sbom(image, target)
    return f"{target.name}: {packages} packages of {image.digest}"


def _built(name: str, settings: Settings) -> BuiltImage:
    image = BuiltImages(settings.state).find(name)
    if image is None:
        raise Invalid(f"There is no built image '{name[:50]}': `labdock images build` makes it.")
    return image
