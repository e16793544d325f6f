"""The registry's client, against Debian's docker-registry with a login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import free_port
from tests.support.registry import LOGIN, RunningRegistry, running_registry
from tests.support.tokens import running_issuer

from labdock.digests import sha256
from labdock_service.errors import Forbidden, Invalid, NotFound, ServiceError, Unavailable
from labdock_service.registry import MANIFESTS, Login, Registry

REPOSITORY = "labdock/base"
CONTENT = b"a layer's bytes" * 100_000
ABSENT = sha256(b"nobody pushed this")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def registry(running: RunningRegistry) -> Registry:
    return running.client()


def push_image(
    registry: Registry,
    repository: str,
    tag: str,
    content: bytes = CONTENT,
    config: dict[str, Any] | None = None,
) -> str:
    """Push an image of one layer; its manifest's digest."""
    layers = {"type": "layers", "diff_ids": [sha256(content)]}
    said = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": layers, "tag": tag}
    settings = json.dumps(said).encode()
    described = []
    for data, kind in (
        (settings, "application/vnd.oci.image.config.v1+json"),
        (content, "application/vnd.oci.image.layer.v1.tar"),
    ):
        registry.push_blob(repository, sha256(data), data)
        described.append({"mediaType": kind, "digest": sha256(data), "size": len(data)})
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFESTS[0],
            "config": described[0],
            "layers": described[1:],
        }
    ).encode()
    return registry.push_manifest(repository, tag, manifest, MANIFESTS[0])


def refused(error: pytest.ExceptionInfo[ServiceError], registry: Registry) -> str:
    """The sentence, which names the registry and holds no password."""
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert registry.address in sentence
    assert LOGIN.password not in sentence
    return sentence


def test_an_image_comes_back_as_it_was_pushed(registry: Registry) -> None:
    digest = push_image(registry, REPOSITORY, "1")
    assert registry.digest(REPOSITORY, "1") == digest
    assert registry.digest(REPOSITORY, digest) == digest
    assert sha256(registry.manifest(REPOSITORY, digest)) == digest
    assert registry.manifest(REPOSITORY, "1") == registry.manifest(REPOSITORY, digest)
    assert b"".join(registry.blob(REPOSITORY, sha256(CONTENT))) == CONTENT


def test_a_file_is_pushed_in_a_stream(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "layer.tar"
    file.write_bytes(CONTENT + b"and more")
    digest = sha256(file.read_bytes())
    assert not registry.has_blob(REPOSITORY, digest)
    registry.push_blob(REPOSITORY, digest, file)
    assert registry.has_blob(REPOSITORY, digest)


def test_an_empty_blob_may_be_pushed(registry: Registry) -> None:
    registry.push_blob(REPOSITORY, sha256(b""), b"")
    assert b"".join(registry.blob(REPOSITORY, sha256(b""))) == b""


def test_a_blob_is_mounted_from_another_repository(registry: Registry) -> None:
    push_image(registry, REPOSITORY, "1")
    digest = sha256(CONTENT)
    assert registry.mount("labdock/jobs/p1", digest, REPOSITORY)
    assert registry.has_blob("labdock/jobs/p1", digest)
    assert not registry.mount("labdock/jobs/p1", ABSENT, REPOSITORY)


def test_what_there_is_can_be_listed(registry: Registry) -> None:
    push_image(registry, "labdock/listed", "2")
    push_image(registry, "labdock/listed", "1")
    assert registry.tags("labdock/listed") == ["1", "2"]
    assert registry.tags("labdock/nothing") == []
    assert "labdock/listed" in registry.repositories()


def test_long_lists_come_in_pages(registry: Registry) -> None:
    names = [f"many/r{number:03}" for number in range(120)]
    for name in names:
        push_image(registry, name, "1", b"small")
    assert [name for name in registry.repositories() if name.startswith("many/")] == names


def test_a_deleted_image_is_gone_with_its_tag(registry: Registry) -> None:
    digest = push_image(registry, "labdock/deleted", "1")
    registry.delete_manifest("labdock/deleted", digest)
    assert registry.digest("labdock/deleted", digest) is None
    assert registry.tags("labdock/deleted") == []
    registry.delete_manifest("labdock/deleted", digest)


def test_what_is_not_there_is_said_so(registry: Registry) -> None:
    assert registry.digest(REPOSITORY, "absent") is None
    assert registry.digest("labdock/nothing", "1") is None
    with pytest.raises(NotFound) as error:
        registry.manifest(REPOSITORY, ABSENT)
    assert REPOSITORY in refused(error, registry)
    with pytest.raises(NotFound) as error:
        next(registry.blob(REPOSITORY, ABSENT))
    assert ABSENT in refused(error, registry)


def test_another_content_than_the_digest_is_refused(registry: Registry) -> None:
    with pytest.raises(Invalid) as error:
        registry.push_blob(REPOSITORY, ABSENT, b"something else")
    refused(error, registry)
    assert not registry.has_blob(REPOSITORY, ABSENT)


def test_a_blob_that_changed_on_the_disk_is_noticed(
    registry: Registry, running: RunningRegistry
) -> None:
    content = b"to be changed" * 1000
    digest = sha256(content)
    registry.push_blob(REPOSITORY, digest, content)
    [file] = running.folder.glob(f"registry/**/{digest.removeprefix('sha256:')}/data")
    file.write_bytes(b"X" * len(content))
    with pytest.raises(Unavailable) as error:
        b"".join(registry.blob(REPOSITORY, digest))
    assert digest in refused(error, registry)


@pytest.mark.parametrize("login", [None, Login("labdock", "wrong")])
def test_without_the_login_nothing_is_read_or_written(
    running: RunningRegistry, login: Login | None
) -> None:
    stranger = Registry(running.address, login)
    for ask in (
        lambda: stranger.digest(REPOSITORY, "1"),
        lambda: stranger.push_blob(REPOSITORY, sha256(b"x"), b"x"),
        stranger.repositories,
    ):
        with pytest.raises(Forbidden) as error:
            ask()
        refused(error, stranger)


def test_a_registry_that_is_not_there_is_said_so() -> None:
    absent = Registry(f"127.0.0.1:{free_port()}", LOGIN)
    with pytest.raises(Unavailable) as error:
        absent.digest(REPOSITORY, "1")
    refused(error, absent)


def test_a_registry_that_deletes_nothing_is_said_so(tmp_path: Path) -> None:
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    with running_registry(tmp_path, storage=storage) as running:
        registry = running.client()
        digest = push_image(registry, REPOSITORY, "1")
        with pytest.raises(Invalid) as error:
            registry.delete_manifest(REPOSITORY, digest)
    assert "storage.delete.enabled" in refused(error, registry)


def test_tokens_are_fetched_where_the_registry_asks_for_them(tmp_path: Path) -> None:
    with running_issuer() as issuer:
        settings = issuer.settings(tmp_path)
        with running_registry(tmp_path / "registry", auth=settings) as running:
            registry = running.client()
            digest = push_image(registry, REPOSITORY, "1")
            assert registry.digest(REPOSITORY, "1") == digest
            assert registry.mount("labdock/jobs/p1", sha256(CONTENT), REPOSITORY)
            anybody = Registry(running.address)
            assert anybody.digest(REPOSITORY, "1") == digest
            with pytest.raises(Forbidden) as error:
                anybody.push_blob(REPOSITORY, sha256(b"x"), b"x")
            refused(error, anybody)
    assert f"repository:{REPOSITORY}:pull" in issuer.asked
