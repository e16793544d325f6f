"""A small notebook image with JupyterLab's extension and no TensorFlow: tests of people's servers.

It is made once on a machine, from the tests' small Debian, and kept by the digest of what it is
made from.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound
from tests.support.deployment import CHECKOUT
from tests.support.dockerengine import BASE, base_image
from tests.support.onebyone import one_by_one

from labdock_service import labextension
from labdock_service.statefolder import StateFolder

PACKAGES = ("jupyterhub", "jupyterlab", "jupyter-collaboration", "ipykernel")
OWN = ("extensions/labdock", "extensions/labdock-runtime")
LOCK = CHECKOUT / "images/local/requirements.lock"
DOCKERFILE = f"""
FROM {BASE}
RUN python3 -m venv --without-pip /opt/environment
COPY packages /opt/environment/lib/python3.11/site-packages
RUN cd /opt/environment/lib/python3.11/site-packages && mv etc share /opt/environment \\
 && /opt/environment/bin/python -m compileall -q /opt/environment/lib \\
 && useradd --uid 1000 --create-home labdock
ENV PATH=/opt/environment/bin:/usr/local/bin:/usr/bin:/bin
USER 1000:1000
"""


def notebook_image(client: docker.DockerClient) -> str:
    """The image's name, which holds its digest; made where it is missing."""
    name = f"labdock-tests/notebook:{_digest()}"
    with one_by_one("notebook-image"):
        try:
            client.images.get(name)
        except ImageNotFound:
            base_image()
            _build(client, name)
    return name


def _digest() -> str:
    hashed = hashlib.sha256(DOCKERFILE.encode() + LOCK.read_bytes())
    hashed.update(labextension.sources_digest().encode())
    for package in OWN:
        for file in sorted((CHECKOUT / package).rglob("*.py")):
            hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]


def _build(client: docker.DockerClient, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="labdock-notebook-") as folder:
        packages = Path(folder) / "packages"
        for_the_image = ["--python-version", "3.11", "--target", str(packages)]
        cache = StateFolder(CHECKOUT / ".labdock").cache
        lab = labextension.ensure_labextension(cache, print)
        own = [*(str(CHECKOUT / package) for package in OWN), str(lab)]
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "install", "--quiet", *for_the_image, "-c", str(LOCK)]
        subprocess.run([*command, *PACKAGES, *own], check=True)
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
        client.images.build(path=folder, tag=name, rm=True, forcerm=True)
