"""The Docker engine for tests, with an image to start from."""

from __future__ import annotations

import hashlib
import io
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound
from docker.models.containers import Container
from docker.types import DeviceRequest
from tests.support.docker import docker_client
from tests.support.onebyone import one_by_one
from tests.support.registry import LOGIN, RunningRegistry
from tests.support.services import require

from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.docker import DockerEngine
from labdock_service.engines.dockerd import Dockerd
from labdock_service.engines.toolkit import request_devices
from labdock_service.registry import RegistryPlace
from labdock_service.statefolder import StateFolder

BASE = "labdock-test/base:bookworm"
"""Debian with its own Python, made by debootstrap: no image can be pulled everywhere."""
PLAIN = f"labdock-test/plain:{hashlib.sha256(sys.executable.encode()).hexdigest()[:16]}"
"""The same with a Python where the tests' own lies, so that they name one program everywhere.

Each place has a name of its own: the tests of two checkouts may run at once."""


@cache
def base_image() -> str:
    """The image of a small Debian, made once on a machine."""
    client = docker_client()
    with one_by_one("base-image"):
        try:
            client.images.get(BASE)
        except ImageNotFound:
            _make_base(client)
    return BASE


def _make_base(client: docker.DockerClient) -> None:
    folder = Path("/var/tmp") / f"labdock-test-{secrets.token_hex(4)}"
    packages = "--include=ca-certificates,python3,python3-venv"
    command = ["debootstrap", "--variant=minbase", packages, "bookworm", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        require(False, "debootstrap (`apt-get install debootstrap`)")
    with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
        client.api.import_image_from_stream(tar.stdout, *BASE.split(":"))
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@cache
def plain_image() -> str:
    """The small Debian, with Python at the place of the one that runs the tests."""
    client = docker_client()
    lines = [f"FROM {base_image()}", "RUN ln -s /usr/bin/python3 /usr/local/bin/python"]
    if sys.executable != "/usr/bin/python3":
        where = Path(sys.executable).parent
        lines += [f"RUN mkdir -p {where} && ln -s /usr/bin/python3 {sys.executable}"]
    client.images.build(fileobj=_context(lines), custom_context=True, tag=PLAIN, rm=True)
    return PLAIN


def pushed(image: str, registry: RunningRegistry, repository: str) -> str:
    """The image in a registry, by digest."""
    client, name = docker_client(), f"{registry.address}/{repository}"
    client.images.get(image).tag(name, "test")
    account = {"username": LOGIN.name, "password": LOGIN.password}
    client.images.push(name, tag="test", auth_config=account)
    client.images.remove(f"{name}:test")
    return f"{name}@{registry.client().digest(repository, 'test')}"


def _context(lines: list[str]) -> io.BytesIO:
    packed = io.BytesIO()
    text = "\n".join(lines).encode()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    packed.seek(0)
    return packed


class PlainDockerEngine(DockerEngine):
    """Starts what names no image from the plain one."""

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        argv = ("python3", *spec.argv[1:]) if spec.argv[0] == sys.executable else spec.argv
        return super().start(replace(spec, argv=argv, image=spec.image or plain_image()))

    def _request_devices(self, spec: WorkerSpec) -> list[DeviceRequest]:
        """Keep what would be asked for: Docker refuses it on a machine without GPUs."""
        self.requested = request_devices(spec.devices, "runtime")
        return []

    def find_container(self, worker: str) -> Container | None:
        """The worker's container."""
        return self._dockerd.find_container(worker)

    def has_toolkit(self) -> bool:
        """Whether this machine's Docker can give GPUs to containers."""
        return self._dockerd.find_toolkit() is not None

    @property
    def docker(self) -> Dockerd:
        """Where its containers are."""
        return self._dockerd

    @property
    def folders(self) -> StateFolder:
        """Where its workers' folders are."""
        return self._state

    def networks(self) -> list[str]:
        """Those of its deployment."""
        return [str(network.name) for network in self._dockerd.client.networks.list()]

    def log_in(self, address: str) -> None:
        """Use the test account at this registry."""
        self._dockerd = replace(self._dockerd, registry=RegistryPlace(address, LOGIN))
