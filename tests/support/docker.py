"""Docker for tests: this machine's, an image to start from, and everything swept afterwards."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.docker import DockerEngine
from labdock_service.engines.dockerd import LABEL, Dockerd
from labdock_service.errors import EngineFailed

BASE = "labdock-test/base:bookworm"
"""Debian with its own Python, made by debootstrap: no image can be pulled everywhere."""
PLAIN = "labdock-test/plain:bookworm"
"""The same with a Python where the tests' own lies, so that they name one program everywhere."""


def missing(what: str) -> None:
    """A service that is not there skips a test on a laptop, and fails it in CI."""
    if "CI" in os.environ:
        pytest.fail(f"{what} is not there, and CI must have it")
    pytest.skip(f"needs {what}")


def dockerd() -> Dockerd:
    """This machine's Docker, with a prefix of the test's own."""
    found = Dockerd(f"labdock-test-{secrets.token_hex(4)}")
    try:
        found.client.ping()
    except (DockerException, EngineFailed):
        missing("a Docker that answers")
    return found


@contextmanager
def swept(found: Dockerd) -> Iterator[Dockerd]:
    """Nothing of a deployment is left in Docker afterwards."""
    try:
        yield found
    finally:
        sweep(found)


def sweep(found: Dockerd) -> None:
    """Delete the deployment's containers and networks."""
    mine = {"label": f"{LABEL}={found.prefix}"}
    for container in found.client.containers.list(all=True, filters=mine, ignore_removed=True):
        with suppress(DockerException):
            container.remove(force=True, v=True)
    for network in found.client.networks.list(filters=mine):
        with suppress(DockerException):
            network.remove()


@cache
def base_image() -> str:
    """The image of a small Debian, made once on a machine."""
    client = dockerd().client
    with suppress(ImageNotFound):
        client.images.get(BASE)
        return BASE
    folder = Path("/var/tmp") / f"labdock-test-{secrets.token_hex(4)}"
    packages = "--include=ca-certificates,python3,python3-venv"
    command = ["debootstrap", "--variant=minbase", packages, "bookworm", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        missing("debootstrap")
    with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
        client.api.import_image_from_stream(tar.stdout, *BASE.split(":"))
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    return BASE


@cache
def plain_image() -> str:
    """The small Debian, with Python at the place of the one that runs the tests."""
    client = dockerd().client
    lines = [f"FROM {base_image()}"]
    if sys.executable != "/usr/bin/python3":
        where = Path(sys.executable).parent
        lines += [f"RUN mkdir -p {where} && ln -s /usr/bin/python3 {sys.executable}"]
    client.images.build(fileobj=_context(lines), custom_context=True, tag=PLAIN, rm=True)
    return PLAIN


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
        return super().start(replace(spec, image=spec.image or plain_image()))

    def find_container(self, worker: str) -> Container | None:
        """The worker's container."""
        return self._dockerd.find_container(worker)
