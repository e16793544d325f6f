"""Fetches the images of all environments ahead, and deletes those of jobs that nobody needs.

Docker's copies go, and every hour what the registry has and nothing names any more. A service
that ends with the hub.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial

import docker
from docker.errors import DockerException

from labdock_service.child import ChildFailed, in_child
from labdock_service.engines.collecting import collect
from labdock_service.engines.opening import registry_place
from labdock_service.engines.pulling import PullRecord, pull_all
from labdock_service.errors import ServiceError
from labdock_service.ownregistry import free_blobs
from labdock_service.packaging.environments import find_environments
from labdock_service.processes import claim, die_with_parent
from labdock_service.registry import Registry
from labdock_service.settings import Settings, load_settings
from labdock_service.statefolder import StateFolder

LOG = logging.getLogger(__name__)
SECONDS = 10.0
"""Between two looks at which environments there are."""
TIDY_SECONDS = 3600.0
"""Between two looks at which images of jobs the registry keeps in vain."""


def main() -> None:
    """Look for environments and fetch their images, until the hub ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s puller: %(message)s")
    die_with_parent()
    settings = load_settings()
    state, place = settings.state, registry_place(settings)
    claim(state, "puller")
    record = PullRecord(state.pulls)
    tidied = time.monotonic()
    while True:
        try:
            client = docker.from_env()
            pull_all(client, wanted(state), record, place.login)
            jobs = f"{place.address}/labdock/jobs/"
            collect(client, jobs, state.run / "job-images.json", time.time())
            if time.monotonic() - tidied > TIDY_SECONDS:
                tidied = time.monotonic()
                in_child(partial(tidy_registry, settings))
        except DockerException as error:
            LOG.warning("Docker does not answer: %s", error)
        except (ServiceError, ChildFailed) as error:
            LOG.warning("The registry was not tidied: %s", error)
        time.sleep(SECONDS)


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
    """The images of all environments, the default one's first."""
    found = find_environments(state, "image")
    return [environment.notebook for environment in found] + [item.training for item in found]


if __name__ == "__main__":
    main()
