"""Images of jobs in a real registry, and when they and their blobs leave it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from tests.contract.test_registry import push_image
from tests.support.registry import RunningRegistry, running_registry
from tests.support.stores import ada, make_snapshot, sqlite_url, upgraded

from labdock.digests import sha256
from labdock.schema import JobRequest
from labdock_service.jobimages import JobImages
from labdock_service.packaging.pushing import pushing
from labdock_service.packaging.request import jobs_repository
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store, jobs
from labdock_service.store.tables import SnapshotRow

DAYS = 24 * 3600.0
NOW = 2e9


@dataclass(frozen=True)
class Place:
    """A store and a registry with the images of two snapshots: of the first there is a job."""

    registry: RunningRegistry
    store: Store
    images: JobImages
    repository: str
    named: str
    unnamed: str

    def collect(self, days: float) -> set[str]:
        return self.images.collect(NOW + days * DAYS, 30 * DAYS)

    def has(self, digest: str) -> bool:
        return self.registry.client().digest(self.repository, digest) is not None

    def keeps(self, content: bytes) -> bool:
        """Whether a blob is on the disk."""
        name = sha256(content).removeprefix("sha256:")
        return any(self.registry.folder.glob(f"registry/**/blobs/sha256/*/{name}/data"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with running_registry(tmp_path / "registry") as registry:
        store = upgraded(sqlite_url(tmp_path))
        with store.write() as session:
            snapshot = make_snapshot(session)
            add_job(session, snapshot)
            repository = jobs_repository(snapshot.project_id)
            client = registry.client()
            named = push_image(client, repository, "1", b"named")
            unnamed = push_image(client, repository, "2", b"unnamed")
            snapshot.image, snapshot.state = named, "ready"
            add_snapshot(session, snapshot, unnamed)
        images = JobImages(StateFolder(tmp_path), client, store, partial(free, registry))
        yield Place(registry, store, images, repository, named, unnamed)


def add_job(session: Session, snapshot: SnapshotRow) -> None:
    person, _ = ada(session)
    jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))


def add_snapshot(session: Session, like: SnapshotRow, image: str) -> None:
    columns = {column.name: getattr(like, column.name) for column in SnapshotRow.__table__.columns}
    session.add(SnapshotRow(**{**columns, "id": "s-of-no-job", "image": image}))


def free(registry: RunningRegistry) -> None:
    """What `docker exec` does in the registry that Labdock runs."""
    command = [registry.program, "garbage-collect", str(registry.folder / "config.yml")]
    subprocess.run(command, check=True, capture_output=True)


def test_an_image_goes_with_its_blobs_once_nothing_named_it_for_thirty_days(place: Place) -> None:
    assert place.collect(0) == set()
    assert place.collect(29) == set()
    assert place.has(place.unnamed) and place.keeps(b"unnamed")
    assert place.collect(30) == {f"{place.repository}@{place.unnamed}"}
    assert not place.has(place.unnamed) and not place.keeps(b"unnamed")
    assert place.has(place.named) and place.keeps(b"named")


def test_what_is_pushed_again_is_there_again(place: Place) -> None:
    place.collect(0)
    place.collect(30)
    client = place.registry.client()
    assert not client.has_blob(place.repository, sha256(b"unnamed"))
    assert push_image(client, place.repository, "2", b"unnamed") == place.unnamed
    assert b"".join(client.blob(place.repository, sha256(b"unnamed"))) == b"unnamed"


def test_nothing_goes_while_something_is_pushed_or_packaged(place: Place) -> None:
    place.collect(0)
    with pushing(place.images.state), pytest.raises(BlockingIOError):
        place.collect(30)
    with place.store.write() as session:
        session.get_one(SnapshotRow, "s-of-no-job").state = "packaging"
    assert place.collect(30) == set()
    assert place.has(place.unnamed)


def test_an_image_that_is_named_again_starts_from_the_beginning(place: Place) -> None:
    place.collect(0)
    with place.store.write() as session:
        add_job(session, session.get_one(SnapshotRow, "s-of-no-job"))
    assert place.collect(40) == set()
    assert place.has(place.unnamed)
