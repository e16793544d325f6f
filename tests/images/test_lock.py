"""The lock of images: what it refuses, and `lock` and `mirror` against real registries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.registry import RunningRegistry, running_registry

from labdock.digests import sha256
from labdock_service.errors import Invalid, NotFound, ServiceError
from labdock_service.images.locked import read_lock
from labdock_service.images.resolving import mirror, renew_lock
from labdock_service.packaging.pushing import nobody_pushes
from labdock_service.references import parse, pinned
from labdock_service.registry import MANIFESTS, Registry
from labdock_service.statefolder import StateFolder

INDEX, MANIFEST = MANIFESTS[1], MANIFESTS[0]
REPOSITORY = "library/debian"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """The registry that the lock's images come from."""
    with running_registry(tmp_path_factory.mktemp("outside")) as registry:
        yield registry


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """The registry of the team's own."""
    with running_registry(tmp_path_factory.mktemp("team")) as registry:
        yield registry


def push(registry: Registry, tag: str, content: bytes, platforms: int = 1) -> str:
    """An image for each of some platforms, and the index of them under a tag; its digest."""
    parts = []
    for number in range(platforms):
        blobs = [json.dumps({"architecture": f"a{number}", "os": "linux"}).encode(), content]
        described = []
        for blob in blobs:
            registry.push_blob(REPOSITORY, sha256(blob), blob)
            described.append({"mediaType": "", "digest": sha256(blob), "size": len(blob)})
        image = {"schemaVersion": 2, "mediaType": MANIFEST}
        body = json.dumps({**image, "config": described[0], "layers": described[1:]}).encode()
        registry.push_manifest(REPOSITORY, sha256(body), body, MANIFEST)
        parts.append({"mediaType": MANIFEST, "digest": sha256(body), "size": len(body)})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": parts}).encode()
    return registry.push_manifest(REPOSITORY, tag, index, INDEX)


def write_lock(file: Path, registry: str, tag: str = "12", digest: str = "") -> Path:
    file.write_text(
        f"""# A team's own words stay.
[registries]
"images.example" = "{registry}"

[images.debian]
title = "Debian 12"
kind = "base"
image = "images.example/{REPOSITORY}:{tag}"
digest = "{digest}"
checked = ""  # this remark goes with the value

# Words before the next.
[images.other]
title = "Another"
kind = "server"
image = "images.example/{REPOSITORY}:other"
digest = "{digest}"
checked = ""
tensorflow = "2.20.0"
"""
    )
    return file


def client(running: dict[str, RunningRegistry], address: str) -> Registry:
    return running[address].client()


def sentence(error: pytest.ExceptionInfo[ServiceError]) -> str:
    said = str(error.value)
    assert said.endswith(".")
    return said


def test_the_shipped_lock_is_right_and_nothing_in_it_was_invented() -> None:
    lock = read_lock()
    assert {"debian", "tensorflow", "tensorflow-serving"} <= set(lock.images)
    for name, image in lock.images.items():
        assert bool(image.digest) == bool(image.checked), name
        if not image.digest:
            with pytest.raises(Invalid) as error:
                lock.get(name)
            assert f"labdock images lock {name}" in sentence(error)


@pytest.mark.parametrize("name", ["images.example/library/debian:12", "localhost:5000/a/b"])
def test_a_tag_without_a_digest_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as error:
        pinned(name)
    assert "@sha256:" in sentence(error)
    assert pinned(f"{name}@{sha256(b'')}").digest == sha256(b"")


@pytest.mark.parametrize("name", ["debian", "debian:12", "a b/c", "HOST/x", "h.example/X:1", ""])
def test_what_names_no_image_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as error:
        parse(name)
    sentence(error)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('digest = "latest"', "it is no digest"),
        ('surprise = "x"', "surprise"),
        ('image = "images.example/debian"', "HOST/REPOSITORY:TAG"),
        ("digest = ", "cannot be read"),
    ],
)
def test_a_broken_lock_is_told_with_its_place(tmp_path: Path, wrong: str, said: str) -> None:
    key = wrong.split(" ")[0]
    lines = write_lock(tmp_path / "lock.toml", "x").read_text().splitlines()
    kept = [line for line in lines[:9] if not line.startswith(f"{key} =")]
    (tmp_path / "lock.toml").write_text("\n".join([*kept, wrong, 'checked = ""']))
    with pytest.raises(Invalid) as error:
        read_lock(tmp_path / "lock.toml")
    assert said in sentence(error)


def test_tags_become_digests_and_the_change_is_shown(
    outside: RunningRegistry, tmp_path: Path
) -> None:
    digest = push(outside.client(), "12", b"first")
    push(outside.client(), "other", b"other")
    file = write_lock(tmp_path / "lock.toml", outside.address)
    connect = {outside.address: outside}
    changed = renew_lock((), lambda address: client(connect, address), print, file)
    assert f'+digest = "{digest}"' in changed.splitlines()
    assert read_lock(file).get("debian").reference.digest == digest
    assert read_lock(file).images["debian"].checked.endswith(" at images.example")
    assert "# A team's own words stay." in file.read_text()
    assert renew_lock((), lambda address: client(connect, address), print, file) == ""

    newer = push(outside.client(), "12", b"second")
    before = read_lock(file).images["other"]
    changed = renew_lock(("debian",), lambda address: client(connect, address), print, file)
    assert f'-digest = "{digest}"' in changed.splitlines()
    assert read_lock(file).get("debian").digest == newer
    assert read_lock(file).images["other"] == before


def test_a_tag_that_is_gone_changes_nothing(outside: RunningRegistry, tmp_path: Path) -> None:
    push(outside.client(), "12", b"first")
    file = write_lock(tmp_path / "lock.toml", outside.address, tag="gone")
    before = file.read_text()
    with pytest.raises(NotFound) as error:
        renew_lock((), lambda _: outside.client(), print, file)
    assert "library/debian:gone" in sentence(error)
    assert file.read_text() == before
    with pytest.raises(Invalid) as invalid:
        renew_lock(("absent",), lambda _: outside.client(), print, file)
    assert "debian, other" in sentence(invalid)


def test_the_mirror_has_every_platform_by_the_same_digest(
    outside: RunningRegistry, team: RunningRegistry, tmp_path: Path
) -> None:
    content = b"a layer" * 100_000
    push(outside.client(), "12", content, platforms=3)
    push(outside.client(), "other", b"other")
    file = write_lock(tmp_path / "lock.toml", outside.address)
    connect = {outside.address: outside, team.address: team}
    renew_lock((), lambda address: client(connect, address), print, file)

    state = StateFolder(tmp_path / "state")

    def reach(address: str) -> Registry:
        """Nothing is deleted from the team's from when something of an image is asked for."""
        if address == outside.address:
            with pytest.raises(BlockingIOError), nobody_pushes(state):
                pass
        return client(connect, address)

    def copy() -> list[int]:
        return [one.sent for one in mirror(team.address, reach, print, state, file)]

    assert copy()[0] > len(content)
    digest = read_lock(file).get("debian").digest
    registry = team.client()
    assert registry.digest(REPOSITORY, "12") == digest
    parts = json.loads(registry.manifest(REPOSITORY, digest))["manifests"]
    assert len(parts) == 3
    for part in parts:
        for layer in json.loads(registry.manifest(REPOSITORY, part["digest"]))["layers"]:
            assert b"".join(registry.blob(REPOSITORY, layer["digest"])) == content
    assert copy() == [0, 0]


def test_what_was_never_checked_is_not_mirrored(
    outside: RunningRegistry, team: RunningRegistry, tmp_path: Path
) -> None:
    file = write_lock(tmp_path / "lock.toml", outside.address)
    with pytest.raises(Invalid) as error:
        list(mirror(team.address, lambda _: team.client(), print, StateFolder(tmp_path), file))
    assert "never checked" in sentence(error)
