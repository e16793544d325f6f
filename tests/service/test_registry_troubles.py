"""Jobs on the Docker engine with troubles of its registry, its disks and its names."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
from tests.support.disks import filled, small_disk
from tests.support.docker import docker_client
from tests.support.dockerdeployment import deployed_on_docker
from tests.support.dockerengine import plain_image
from tests.support.owndocker import own_docker
from tests.support.reconciling import eventually

KEPT = "registry/docker/registry/v2/repositories"
"""Where a registry has its repositories."""


def test_a_job_waits_for_a_registry_that_is_away(tmp_path: Path) -> None:
    with deployed_on_docker(tmp_path) as place:
        place.registry.stop()
        place.start()
        job = place.submit("print('hello')")
        eventually(lambda: "does not answer" in (place.job(job).message or ""))
        place.registry.start()
        place.until(job, "succeeded")


def test_a_job_waits_for_space_on_the_registrys_disk(tmp_path: Path) -> None:
    (tmp_path / "at").mkdir()
    with (
        small_disk(tmp_path / "at/registry", "400m") as disk,
        deployed_on_docker(disk.parent) as at,
    ):
        at.start()
        with filled(disk):
            job = at.submit("print('hello')", max_attempts=1)
            eventually(lambda: "has no space left" in (at.job(job).message or ""))
        at.until(job, "succeeded")


def test_a_job_waits_for_space_on_dockers_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        small_disk(tmp_path / "data", "600m") as disk,
        own_docker(disk) as own,
        deployed_on_docker(tmp_path) as place,
    ):
        monkeypatch.setenv("DOCKER_HOST", own.address)
        place.start()
        with filled(disk, leave=100_000_000):
            job = place.submit("print('hello')", max_attempts=1)
            eventually(lambda: "no space left on the disk" in (place.job(job).message or ""))
        place.until(job, "succeeded")


def test_a_name_that_is_taken_is_said_and_the_next_attempt_has_another(tmp_path: Path) -> None:
    with deployed_on_docker(tmp_path) as place:
        job = place.submit("print('hello')", max_attempts=2)
        prefix = place.settings["LABDOCK_DOCKER__PREFIX"]
        docker_client().containers.create(plain_image(), "true", name=f"{prefix}-job-{job}-1-0")
        place.start()
        first, _ = place.until(job, "succeeded").attempts
        assert "that is not Labdock's: remove or rename it" in str(first.reason)


def test_an_image_that_is_gone_is_made_again(tmp_path: Path) -> None:
    with deployed_on_docker(tmp_path) as place:
        place.start()
        alone = f"# {secrets.token_hex(8)}"  # no older image in Docker has its layers
        job = place.submit(f"raise SystemExit(1) {alone}", max_attempts=2)
        image = str(place.until(job, "failed").image)
        registry = place.registry.client()
        [name] = [one for one in registry.repositories() if one.startswith("labdock/jobs/")]
        shutil.rmtree(place.registry.folder / KEPT / name)  # Docker may remember a manifest
        docker_client().images.remove(f"{place.registry.address}/{name}@{image}", force=True)
        place.retry(job)
        eventually(lambda: len(place.job(job).attempts) == 3 and place.job(job).ended)
        assert "not in the registry" in str(place.job(job).attempts[1].reason)
        assert registry.digest(name, image)
