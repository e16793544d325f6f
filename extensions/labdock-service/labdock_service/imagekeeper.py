"""Fetches the images of all environments and of model servers ahead, verifies them on this
machine, and deletes those of jobs that nobody needs.

Docker's copies go, and every hour what the registry has and nothing names any more. A service
that ends with the hub.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial

from docker import DockerClient
from docker.errors import DockerException
from sqlalchemy.exc import SQLAlchemyError

from labdock_service.child import ChildFailed, in_child
from labdock_service.containers import docker_client
from labdock_service.engines.collecting import collect
from labdock_service.engines.opening import registry_place
from labdock_service.engines.pulling import PullRecord, pull_all
from labdock_service.errors import EngineFailed, ServiceError, Unavailable
from labdock_service.images.locked import read_lock
from labdock_service.images.servers import servers
from labdock_service.ownregistry import free_blobs
from labdock_service.packaging.environments import board_image, find_environments
from labdock_service.processes import claim, die_with_parent
from labdock_service.registry import Registry
from labdock_service.serving.servers import read_servers, write_servers
from labdock_service.settings import Settings, load_settings
from labdock_service.statefolder import StateFolder
from labdock_service.verifying import Verifier, open_records

LOG = logging.getLogger(__name__)
SECONDS = 10.0
"""Between two looks at which environments there are."""
TIDY_SECONDS = 3600.0
"""Between two looks at which images of jobs the registry keeps in vain."""


def main() -> None:
    """Look for environments and fetch their images, until the hub ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s imagekeeper: %(message)s")
    die_with_parent()
    settings = load_settings()
    state, place = settings.state, registry_place(settings)
    claim(state, "imagekeeper")
    record = PullRecord(state.pulls)
    verifier: Verifier | None = None
    tidied = time.monotonic()
    while True:
        try:
            client = docker_client()
            record_servers(settings)
            pull_all(client, wanted(state), record, place)
            jobs = f"{place.address}/labdock/jobs/"
            collect(client, jobs, state.run / "job-images.json", time.time())
            verifier = verifier or open_verifier(client, settings)
            if verifier and verify_next(verifier, state):
                continue
            if time.monotonic() - tidied > TIDY_SECONDS:
                tidied = time.monotonic()
                tidy(settings)
        except (DockerException, Unavailable) as error:
            LOG.warning("Docker does not do it: %s", error)
        time.sleep(SECONDS)


def record_servers(settings: Settings) -> None:
    """Note the servers that the lock names, for the reconciler."""
    try:
        found = list(servers(read_lock(), settings.images.mirror))
    except ServiceError as error:
        LOG.warning("No model server is taken from the lock: %s", error)
        return
    write_servers(settings.state.environments, found)


def open_verifier(client: DockerClient, settings: Settings) -> Verifier | None:
    """What verifies images, once the database has its tables; the service makes them."""
    try:
        store = open_records(settings)
    except (ServiceError, SQLAlchemyError) as error:
        LOG.warning("Nothing is verified: %s", error)
        return None
    return None if store is None else Verifier(client, store, f"{settings.docker.prefix}-verify")


def verify_next(verifier: Verifier, state: StateFolder) -> bool:
    """Verify an image that was not verified on this machine yet; whether there was one."""
    try:
        found = verifier.verify_one_missing(wanted(state)) or (
            verifier.verify_one_missing_server(read_servers(state.environments))
        )
    except (EngineFailed, SQLAlchemyError) as error:
        LOG.warning("An image was not verified: %s", error)
        return False
    if found is None:
        return False
    name, checks = found
    failed = [str(check) for check in checks if check.passed is False]
    if failed:
        LOG.warning("The image %s failed its verification: %s", name, "; ".join(failed))
    else:
        LOG.info("The image %s is verified", name)
    return True


def tidy(settings: Settings) -> None:
    """Have the registry tidied, or say why it was not."""
    try:
        in_child(partial(tidy_registry, settings))
    except (ServiceError, ChildFailed) as error:
        LOG.warning("The registry was not tidied: %s", error)


def tidy_registry(settings: Settings) -> None:
    """Delete the images that nothing has named for long. It loads much, so a child does it."""
    from labdock_service.jobimages import JobImages
    from labdock_service.store import Store

    place = registry_place(settings)
    registry = Registry(place.address, place.login)
    free = partial(free_blobs, settings)
    images = JobImages(settings.state, registry, Store(settings.database_url), free)
    kept = timedelta(days=settings.docker.images_kept_days)
    with suppress(BlockingIOError):  # something is pushed: the next look comes soon
        for image in sorted(images.collect(time.time(), kept.total_seconds())):
            LOG.info("Nothing named %s any more: it was deleted from the registry", image)


def wanted(state: StateFolder) -> list[str]:
    """The images of all environments, the default one's first; TensorBoard's; model servers'."""
    found = find_environments(state, "image")
    images = [environment.notebook for environment in found] + [item.training for item in found]
    board = board_image(state)
    served = [server.image for server in read_servers(state.environments)]
    return [*images, *([board] if board else []), *served]


if __name__ == "__main__":
    main()
