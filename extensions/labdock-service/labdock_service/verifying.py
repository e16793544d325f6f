"""Verifies images on this machine, and keeps what was found in the database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from docker import DockerClient
from docker.types import DeviceRequest
from sqlalchemy.orm import Session

from labdock_service.engines.devices import find_devices
from labdock_service.engines.pulling import is_here
from labdock_service.engines.supervised import NODE
from labdock_service.engines.toolkit import Toolkit, find_toolkit, request_devices
from labdock_service.images.admission import NO_GPU, Check, examine, recipe_of, verify_server
from labdock_service.images.recipes import Recipe
from labdock_service.linux import host_name
from labdock_service.processes import own_id
from labdock_service.serving.servers import ServerImage
from labdock_service.settings import Settings
from labdock_service.store import Store, check_database, leases, verifications
from labdock_service.store.copying import is_empty
from labdock_service.store.tables import VerificationRow

AGAIN_SECONDS = 3600.0
"""Before an image is tried again whose `verify` did not come to its end."""

MOST = 2
"""The GPUs that a verification takes: enough for an all-reduce, and the others are people's."""


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
    """Where records are kept, and GPUs are leased; nobody has any without."""
    name: str = ""
    """The name of its containers, where it is the only one of that name."""
    _later: dict[str, float] = field(default_factory=dict)

    def verify(self, recipe: Recipe, image: str, digest: str) -> list[Check]:
        """Verify an image, whatever is known of it. Raises EngineFailed."""
        with self._leased_gpus(recipe) as gpus:
            return self._kept(digest, self._examine(recipe, image, gpus))

    def verify_one_missing(self, images: Iterable[str]) -> tuple[str, list[Check]] | None:
        """Verify the first image that is here and lacks a record; its recipe, and what was found.

        An image that Labdock did not build brings no `verify`. Raises EngineFailed.
        """
        self._give_back()
        for image in images:
            if not is_here(self.client, image) or self._later.get(image, 0.0) > time.monotonic():
                continue
            recipe = recipe_of(self.client, image)
            if recipe is not None and (checks := self._verify_missing(recipe, image)) is not None:
                return recipe.name, checks
        return None

    def _verify_missing(self, recipe: Recipe, image: str) -> list[Check] | None:
        """What was found, unless all is known; what waits for a GPU waits until one is free."""
        if self.store is None:
            return None
        known = self._known(image)
        if known is not None and not (recipe.gpu and _waits_for_gpu(known)):
            return None
        with self._leased_gpus(recipe) as gpus:
            if known is not None and not gpus:
                return None
            self._later[image] = time.monotonic() + AGAIN_SECONDS
            checks = self._kept(digest_of(image), self._examine(recipe, image, gpus))
        if not gpus:
            del self._later[image]
        return checks

    def verify_server(self, server: ServerImage) -> list[Check]:
        """Verify an image that models are served from, whatever is known. Raises EngineFailed."""
        name = self.name or f"labdock-verify-{server.name}-{time.monotonic_ns()}"
        return self._kept(digest_of(server.image), verify_server(self.client, server, name=name))

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

    def _examine(self, recipe: Recipe, image: str, gpus: list[DeviceRequest]) -> list[Check]:
        return examine(self.client, recipe, image, gpus=gpus, name=self.name)

    def _kept(self, digest: str, checks: list[Check]) -> list[Check]:
        if self.store is not None:
            with self.store.write() as session:
                _keep(session, digest, checks)
        return checks

    @contextmanager
    def _leased_gpus(self, recipe: Recipe) -> Iterator[list[DeviceRequest]]:
        """GPUs for an image that is for them, which nobody else gets meanwhile."""
        toolkit = self._find_toolkit() if recipe.gpu else None
        if toolkit is None:
            yield []
            return
        try:
            yield request_devices(self._lease([device.uuid for device in find_devices()]), toolkit)
        finally:
            self._give_back()

    def _find_toolkit(self) -> Toolkit | None:
        return find_toolkit(self.client.info())

    def _lease(self, devices: list[str]) -> list[str]:
        if self.store is None:
            return devices[:MOST]
        with self.store.write() as session:
            return leases.take_free(session, own_id(), NODE, devices, MOST)

    def _give_back(self) -> None:
        """Give back what this process holds, which is nothing most of the time."""
        if self.store is None:
            return
        with self.store.read() as session:
            if not leases.holds(session, leases.VERIFICATION, own_id()):
                return
        with self.store.write() as session:
            leases.release(session, leases.VERIFICATION, own_id())


def _keep(session: Session, digest: str, checks: Iterable[Check]) -> None:
    """Write down what was found in an image on this machine."""
    told: list[dict[str, Any]] = [asdict(check) for check in checks]
    verifications.keep(session, digest, host_name(), told, time.time())


def _waits_for_gpu(row: VerificationRow) -> bool:
    return any(check["said"] == NO_GPU for check in row.checks)
