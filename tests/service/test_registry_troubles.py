"""Jobs on the Docker engine whose registry is away, or has lost their image."""

from __future__ import annotations

from pathlib import Path

from tests.support.docker import docker_client
from tests.support.dockerdeployment import deployed_on_docker
from tests.support.reconciling import eventually


def test_a_job_waits_for_a_registry_that_is_away(tmp_path: Path) -> None:
    with deployed_on_docker(tmp_path) as place:
        place.registry.stop()
        place.start()
        job = place.submit("print('hello')")
        eventually(lambda: "does not answer" in (place.job(job).message or ""))
        place.registry.start()
        place.until(job, "succeeded")


def test_an_image_that_is_gone_is_made_again(tmp_path: Path) -> None:
    with deployed_on_docker(tmp_path) as place:
        place.start()
        unlike_others = f"raise SystemExit(1)  # {tmp_path}"  # whose manifests Docker may have
        job = place.submit(unlike_others, max_attempts=2)
        image = str(place.until(job, "failed").image)
        registry = place.registry.client()
        [name] = [one for one in registry.repositories() if one.startswith("labdock/jobs/")]
        registry.delete_manifest(name, image)
        docker_client().images.remove(f"{place.registry.address}/{name}@{image}", force=True)
        place.retry(job)
        eventually(lambda: len(place.job(job).attempts) == 3 and place.job(job).ended)
        assert "not in the registry" in str(place.job(job).attempts[1].reason)
        assert registry.digest(name, image)
