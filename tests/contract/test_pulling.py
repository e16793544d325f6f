"""An image is fetched from a real registry, with its progress on record."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.support.deployment import eventually, free_port
from tests.support.docker import docker_client
from tests.support.services import require

from labdock_service.engines.pulling import Pull, PullRecord, is_here, pull_all

pytestmark = pytest.mark.timeout(600)

CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def client() -> docker.DockerClient:
    return docker_client()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("docker-registry")
    require(program is not None, "Debian's docker-registry")
    port = free_port()
    (tmp_path / "registry.yml").write_text(CONFIG.format(folder=tmp_path / "blobs", port=port))
    with (tmp_path / "registry.log").open("wb") as log:
        command = [str(program), "serve", str(tmp_path / "registry.yml")]
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(lambda: b"listening on" in (tmp_path / "registry.log").read_bytes())
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(30)


def test_an_image_is_fetched_by_digest(
    client: docker.DockerClient, registry: str, tmp_path: Path
) -> None:
    repository = f"{registry}/labdock/notebook"
    client.api.import_image_from_data(some_layer(), repository=repository, tag="1")
    client.images.push(repository, tag="1")
    small = client.images.get(f"{repository}:1")
    (digest,) = [name for name in small.attrs["RepoDigests"] if name.startswith(repository)]
    client.images.remove(f"{repository}:1", force=True, noprune=True)
    record, missing = PullRecord(tmp_path / "fetched.json"), f"{registry}/none@sha256:{'0' * 64}"
    try:
        pull_all(client, [digest, missing], record)
        found = record.read()
        assert found[digest] == Pull(100) and is_here(client, digest)
        assert found[missing].problem and not found[missing].here
    finally:
        client.images.remove(digest, force=True, noprune=True)


def some_layer() -> bytes:
    """A layer that takes more than one event to fetch."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        member = tarfile.TarInfo("some")
        member.size = 4_000_000
        layer.addfile(member, io.BytesIO(os.urandom(member.size)))
    return packed.getvalue()
