"""Copies of jobs' images in Docker, and when they go."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.docker import docker_client, swept_prefix
from tests.support.dockerengine import pushed
from tests.support.registry import LOGIN, RunningRegistry, running_registry

from labdock_service.engines.collecting import KEPT_SECONDS, collect

NOW = 2e9


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


def pulled(registry: RunningRegistry, repository: str) -> str:
    """Pull an image that nothing else here is made of; nothing in it ever runs."""
    lines = f"FROM scratch\nCOPY Dockerfile /\nLABEL own={secrets.token_hex(8)}"
    image, _ = docker_client().images.build(fileobj=io.BytesIO(lines.encode()), rm=True)
    name = pushed(image.id, registry, repository)
    docker_client().images.pull(name, auth_config=LOGIN.for_docker)
    return name


def names() -> set[str]:
    return {name for image in docker_client().api.images() for name in image["RepoDigests"] or ()}


def test_a_copy_goes_once_nothing_used_it_for_a_day(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    job, other = (pulled(registry, name) for name in ("labdock/jobs/p1", "labdock/training"))
    record, prefix = tmp_path / "record.json", f"{registry.address}/labdock/jobs/"
    assert collect(docker_client(), prefix, record, NOW) == []
    assert collect(docker_client(), prefix, record, NOW + KEPT_SECONDS - 1) == []
    assert collect(docker_client(), prefix, record, NOW + KEPT_SECONDS) == [job]
    assert job not in names() and other in names()


def test_a_copy_that_a_container_is_made_of_stays(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    job = pulled(registry, "labdock/jobs/p2")
    record, prefix = tmp_path / "record.json", f"{registry.address}/labdock/jobs/"
    with swept_prefix(docker_client()) as mine:
        docker_client().containers.create(job, "true", name=f"{mine}-worker")
        collect(docker_client(), prefix, record, NOW)
        assert collect(docker_client(), prefix, record, NOW + 9 * KEPT_SECONDS) == []
    assert job in names()
    assert collect(docker_client(), prefix, record, NOW + 10 * KEPT_SECONDS) == [job]
