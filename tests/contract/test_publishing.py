"""Images of jobs in a registry, on top of their environment's."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from tests.contract.test_registry import CONTENT, push_image
from tests.support.packages import packaged, small_environment, small_runtime, upload
from tests.support.registry import LOGIN, RunningRegistry, running_registry

from labdock.digests import sha256
from labdock_service.errors import PackagingFailed, ServiceError
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.package import package
from labdock_service.packaging.request import Packaged, PackagingRequest
from labdock_service.registry import Login, RegistryPlace
from labdock_service.statefolder import StateFolder

REPOSITORY = "labdock/jobs/p1"
CROWD = 6
SNAPSHOTS = 15
"""So many that processes in each other's way were found out every time."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


def environment_in(running: RunningRegistry) -> PinnedEnvironment:
    """One whose training image is in the registry."""
    config = {"Env": ["PATH=/opt/environment/bin"], "User": "1000:1000"}
    digest = push_image(running.client(), "labdock/training", "t", config=config)
    training = f"{running.address}/labdock/training@{digest}"
    return replace(small_environment(), training=training)


def publish(
    state: StateFolder,
    environment: PinnedEnvironment,
    place: RegistryPlace,
    text: bytes = b"print(1)",
    needs: Iterable[str] = (),
    repository: str = REPOSITORY,
) -> Packaged:
    source = upload(state, {"train.py": text}, needs)
    return packaged(state, source, environment, registry=place, repository=repository)


def place_of(running: RunningRegistry) -> RegistryPlace:
    return RegistryPlace(running.address, LOGIN)


def test_an_image_lies_on_its_environments(running: RunningRegistry, tmp_path: Path) -> None:
    made = publish(StateFolder(tmp_path / "state"), environment_in(running), place_of(running))
    registry = running.client()
    manifest = json.loads(registry.manifest(REPOSITORY, made.image_digest))
    digests = [layer["digest"] for layer in manifest["layers"]]
    assert digests == [sha256(CONTENT), *(layer.digest for layer in made.layers)]
    assert all(registry.has_blob(REPOSITORY, digest) for digest in digests)
    config = json.loads(b"".join(registry.blob(REPOSITORY, manifest["config"]["digest"])))
    assert config["rootfs"]["diff_ids"][-3:] == [layer.digest for layer in made.layers]
    assert config["config"]["User"] == "1000:1000"
    assert config["config"]["Env"] == [
        "PATH=/opt/environment/bin",
        "PYTHONPATH=/opt/labdock/runtime:/opt/labdock/dependencies",
    ]
    assert config["config"]["Labels"]["labdock.snapshot"] == made.snapshot_digest


def test_the_same_snapshot_has_the_same_image_wherever_it_is_made(
    running: RunningRegistry, tmp_path: Path
) -> None:
    environment, place = environment_in(running), place_of(running)
    first, second = (
        publish(StateFolder(tmp_path / name), environment, place, b"print(2)")
        for name in ("one", "two")
    )
    assert first == second
    tags = running.client().tags(REPOSITORY)
    assert first.snapshot_digest.removeprefix("sha256:") in tags


def test_an_image_with_dependencies_is_the_same_to_the_byte_wherever_it_is_made(
    running: RunningRegistry, tmp_path: Path
) -> None:
    """Two state folders and two registries; and its layers are those of the process engine."""
    code, needs = b"import einops", ["einops==0.8.1"]
    with running_registry(tmp_path / "registry") as other:
        first, second = (
            publish(StateFolder(tmp_path / name), environment_in(at), place_of(at), code, needs)
            for name, at in (("one", running), ("two", other))
        )
        assert first.image_digest == second.image_digest
        assert first.snapshot_digest == second.snapshot_digest
        assert manifest_of(running, first) == manifest_of(other, second)
    state = StateFolder(tmp_path / "process")
    alone = packaged(state, upload(state, {"train.py": code}, needs), small_environment())
    assert [layer.role for layer in alone.layers] == ["dependencies", "runtime", "code"]
    assert alone.layers == first.layers
    for layer in alone.layers:
        pushed = b"".join(running.client().blob(REPOSITORY, layer.digest))
        assert pushed == LayerStore(state).blob(layer.digest).read_bytes()


def manifest_of(running: RunningRegistry, made: Packaged) -> bytes:
    return running.client().manifest(REPOSITORY, made.image_digest)


def test_an_environment_in_another_registry(running: RunningRegistry, tmp_path: Path) -> None:
    elsewhere = RegistryPlace("127.0.0.1:1", LOGIN)
    with pytest.raises(PackagingFailed, match=r"`labdock images mirror 127\.0\.0\.1:1`"):
        publish(StateFolder(tmp_path), environment_in(running), elsewhere)


@pytest.mark.parametrize(
    ("login", "says"), [(None, "wants a login"), (Login("labdock", "wrong"), "refuses the login")]
)
def test_a_registry_that_lets_nobody_in(
    running: RunningRegistry, tmp_path: Path, login: Login | None, says: str
) -> None:
    with pytest.raises(PackagingFailed, match=says):
        publish(
            StateFolder(tmp_path), environment_in(running), RegistryPlace(running.address, login)
        )


def test_a_layer_of_the_environment_that_is_gone(running: RunningRegistry, tmp_path: Path) -> None:
    environment = environment_in(running)
    blob = running.folder / "registry/docker/registry/v2/repositories/labdock/training/_layers"
    (blob / "sha256" / sha256(CONTENT).removeprefix("sha256:") / "link").unlink()
    with pytest.raises(PackagingFailed, match="`labdock images build` brings it back"):
        publish(StateFolder(tmp_path), environment, place_of(running), repository="labdock/jobs/p2")


def test_processes_that_push_the_same_at_once_are_not_in_each_others_way(
    running: RunningRegistry, tmp_path: Path
) -> None:
    state, environment = StateFolder(tmp_path), environment_in(running)
    requests = [
        PackagingRequest(
            source=upload(state, {"train.py": f"print({number})".encode()}),
            environment=environment,
            runtime=small_runtime(state),
            registry=place_of(running),
            repository=f"labdock/jobs/crowd{number}",
        )
        for number in range(SNAPSHOTS)
    ]
    spawning = multiprocessing.get_context("spawn")
    together = spawning.Manager().Barrier(CROWD)
    with spawning.Pool(CROWD) as pool:
        made = pool.starmap(_publish_each, [(requests, state, together)] * CROWD, chunksize=1)
    assert all(images == made[0] for images in made)
    assert len(set(made[0])) == SNAPSHOTS


def _publish_each(
    requests: list[PackagingRequest], state: StateFolder, together: Barrier
) -> list[str]:
    """Publish snapshots, each at the same time as the others of the crowd."""
    images = []
    try:
        for request in requests:
            together.wait(120)
            images.append(package(request, state, lambda _: None).image_digest)
    except ServiceError:
        together.abort()
        raise
    return images
