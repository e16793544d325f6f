"""What `labdock up` sets up on the Docker engine: its registry, and an environment of images."""

from __future__ import annotations

from functools import partial

from labdock_service.child import in_child
from labdock_service.commands.buildingimages import BOARD, Order, build_images
from labdock_service.commands.starting import Steps
from labdock_service.containers import REGISTRY, docker_client
from labdock_service.engines.opening import registry_place
from labdock_service.images.layout import BuiltImages
from labdock_service.images.locked import read_lock
from labdock_service.ownregistry import ensure_registry
from labdock_service.packaging.environments import board_image, find_environments
from labdock_service.settings import Settings
from labdock_service.store import check_database, upgrade

BASE = "debian"
"""What the lock calls the image that Labdock's own begin from."""


def set_up(settings: Settings, steps: Steps) -> None:
    """Have a registry, and build what is not there yet: an environment, TensorBoard's image."""
    docker_client()
    if not settings.docker.registry:
        _run_registry(settings, steps)
    if not find_environments(settings.state, "image"):
        _have_records(settings.database_url)
        steps("images for notebooks and jobs (about 10 minutes, once)")
        steps.finish()
        build_images(_order(settings, (), push=True))
    elif not board_image(settings.state):
        steps("TensorBoard's image (about a minute, once)")
        steps.finish()
        build_images(_order(settings, (BOARD,), push=True))


def _have_records(database_url: str) -> None:
    """Make the tables of a new database, so that what is verified now is known from the start."""
    if not check_database(database_url):
        in_child(partial(upgrade, database_url))


def _run_registry(settings: Settings, steps: Steps) -> None:
    images = BuiltImages(settings.state)
    if images.find(REGISTRY) is None:
        build_images(_order(settings, (REGISTRY,), push=False))
    image = images.find(REGISTRY)
    assert image is not None, "it was just built"
    steps("the registry")
    ensure_registry(settings, image.id)
    steps.finish()


def _order(settings: Settings, names: tuple[str, ...], *, push: bool) -> Order:
    has_base = bool(read_lock().named(BASE).digest)
    return Order(
        names=names,
        base=BASE if has_base else "",
        push=registry_place(settings).address if push else "",
    )
