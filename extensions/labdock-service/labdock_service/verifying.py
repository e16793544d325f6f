"""Verifies images on this machine, and keeps what was found in the database."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from docker import DockerClient
from docker.types import DeviceRequest
from sqlalchemy.orm import Session

from labdock_service.engines.devices import find_devices
from labdock_service.engines.pulling import is_here
from labdock_service.engines.toolkit import find_toolkit, request_devices
from labdock_service.images.admission import NO_GPU, Check, examine, recipe_of, verify_server
from labdock_service.images.recipes import Recipe
from labdock_service.linux import host_name
from labdock_service.serving.servers import ServerImage
from labdock_service.settings import Settings
from labdock_service.store import Store, check_database, leases, verifications
from labdock_service.store.copying import is_empty
from labdock_service.store.tables import VerificationRow

AGAIN_SECONDS = 3600.0
"""Before an image is tried again whose `verify` did not come to its end."""


def open_records(settings: Settings) -> Store | None:
    """The database, where there is one of this version; what is not kept is verified again.

    Raises NoDatabase, and NewerDatabase.
    """
    url = settings.database_url
    return None if is_empty(url) or check_database(url) else Store(url)


def digest_of(image: str) -> str:
    """What an image's name says of its digest."""
    return image.rpartition("@")[2]


@dataclass
class Verifier:
    """Verifies images of this machine's Docker, one after the other."""

    client: DockerClient
    store: Store | None
    """Where records are kept, and GPUs that somebody has are known; nobody has any without."""
    name: str = ""
    """The name of its containers, where it is the only one of that name."""
    _later: dict[str, float] = field(default_factory=dict)

    def verify(self, recipe: Recipe, image: str, digest: str) -> list[Check]:
        """Verify an image, whatever is known of it. Raises EngineFailed."""
        gpus = self._free_gpus() if recipe.gpu else []
        checks = examine(self.client, recipe, image, gpus=gpus, name=self.name)
        if self.store is not None:
            with self.store.write() as session:
                _keep(session, digest, checks)
        return checks

    def verify_one_missing(self, images: Iterable[str]) -> tuple[str, list[Check]] | None:
        """Verify the first image that is here and lacks a record; its recipe, and what was found.

        An image that Labdock did not build brings no `verify`. Raises EngineFailed.
        """
        for image in images:
            if not is_here(self.client, image) or self._later.get(image, 0.0) > time.monotonic():
                continue
            recipe = recipe_of(self.client, image)
            if recipe is not None and self._lacks(recipe, image):
                self._later[image] = time.monotonic() + AGAIN_SECONDS
                return recipe.name, self.verify(recipe, image, digest_of(image))
        return None

    def verify_server(self, server: ServerImage) -> list[Check]:
        """Verify an image that models are served from, whatever is known. Raises EngineFailed."""
        name = self.name or f"labdock-verify-{server.name}-{time.monotonic_ns()}"
        checks = verify_server(self.client, server, name=name)
        if self.store is not None:
            with self.store.write() as session:
                _keep(session, digest_of(server.image), checks)
        return checks

    def verify_one_missing_server(
        self, servers: Iterable[ServerImage]
    ) -> tuple[str, list[Check]] | None:
        """Verify the first of these that is here and lacks a record. Raises EngineFailed."""
        for server in servers:
            image = server.image
            if not is_here(self.client, image) or self._later.get(image, 0.0) > time.monotonic():
                continue
            if self._known(image) is None:
                self._later[image] = time.monotonic() + AGAIN_SECONDS
                return server.name, self.verify_server(server)
        return None

    def _known(self, image: str) -> VerificationRow | None:
        if self.store is None:
            return None
        with self.store.read() as session:
            return verifications.find(session, digest_of(image), host_name())

    def _lacks(self, recipe: Recipe, image: str) -> bool:
        if self.store is None:
            return False
        row = self._known(image)
        return row is None or (recipe.gpu and _waits_for_gpu(row) and bool(self._free_gpus()))

    def _free_gpus(self) -> list[DeviceRequest]:
        """All GPUs that nobody has; they are not leased for the minute that it takes."""
        toolkit = find_toolkit(self.client.info())
        if toolkit is None:
            return []
        held = self._held_gpus()
        free = [device.uuid for device in find_devices() if device.uuid not in held]
        return request_devices(free, toolkit)

    def _held_gpus(self) -> set[str | None]:
        if self.store is None:
            return set()
        with self.store.read() as session:
            return {row.device for row in leases.held(session)}


def _keep(session: Session, digest: str, checks: Iterable[Check]) -> None:
    """Write down what was found in an image on this machine."""
    told: list[dict[str, Any]] = [asdict(check) for check in checks]
    verifications.keep(session, digest, host_name(), told, time.time())


def _waits_for_gpu(row: VerificationRow) -> bool:
    return any(check["said"] == NO_GPU for check in row.checks)
