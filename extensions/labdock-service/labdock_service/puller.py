"""Fetches the images of all environments ahead, and deletes copies that nobody uses any more.

A service that ends with the hub.
"""

from __future__ import annotations

import logging
import time

import docker
from docker.errors import DockerException

from labdock_service.engines.collecting import collect
from labdock_service.engines.opening import registry_place
from labdock_service.engines.pulling import PullRecord, pull_all
from labdock_service.packaging.environments import board_image, find_environments
from labdock_service.processes import claim, die_with_parent
from labdock_service.settings import load_settings
from labdock_service.statefolder import StateFolder

LOG = logging.getLogger(__name__)
SECONDS = 10.0
"""Between two looks at which environments there are."""


def main() -> None:
    """Look for environments and fetch their images, until the hub ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s puller: %(message)s")
    die_with_parent()
    settings = load_settings()
    state, place = settings.state, registry_place(settings)
    claim(state, "puller")
    record = PullRecord(state.pulls)
    while True:
        try:
            client = docker.from_env()
            pull_all(client, wanted(state), record, place.login)
            jobs = f"{place.address}/labdock/jobs/"
            collect(client, jobs, state.run / "job-images.json", time.time())
        except DockerException as error:
            LOG.warning("Docker does not answer: %s", error)
        time.sleep(SECONDS)


def wanted(state: StateFolder) -> list[str]:
    """The images of all environments, the default one's first, and TensorBoard's."""
    found = find_environments(state, "image")
    images = [environment.notebook for environment in found] + [item.training for item in found]
    board = board_image(state)
    return [*images, board] if board else images


if __name__ == "__main__":
    main()
