"""Real images, built by the command that an admin uses.

They stay in Docker: the next run's have the same digests, so that nothing adds up.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.deployment import CHECKOUT, LABDOCK
from tests.support.onebyone import one_by_one
from tests.support.registry import LOGIN, RunningRegistry
from tests.support.services import require

from labdock_service.images.layout import BuiltImage, BuiltImages
from labdock_service.statefolder import StateFolder


def labdock_images(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `labdock images` with a state folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LABDOCK_")}
    return subprocess.run(
        [LABDOCK, "images", *arguments],
        cwd=CHECKOUT,
        env={**kept, "LABDOCK_STATE": str(state), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def build_images(state: Path, *arguments: str, **more: str) -> str:
    """Build images from a base of this machine's own, whatever it takes to reach the world."""
    require(Path("/usr/sbin/debootstrap").exists(), "debootstrap (`apt-get install debootstrap`)")
    require(os.geteuid() == 0, "root, for debootstrap")
    authorities = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    reach = ["--bootstrap", "--network", "host", "--ca", authorities]
    with one_by_one("build-images"):  # the second finds the first's layers
        done = labdock_images(state, "build", *arguments, *reach, **more)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return done.stdout


def built(state: Path, name: str) -> BuiltImage:
    image = BuiltImages(StateFolder(state)).find(name)
    assert image, name
    return image


def pushed_environment(state: StateFolder, registry: RunningRegistry, **settings: str) -> None:
    """Have the environment's images built, and in this registry, and the environment recorded."""
    with TemporaryDirectory(prefix="labdock-docker-config-") as folder:
        login = logged_in(Path(folder), registry.address)
        build_images(state.root, "--push", registry.address, **login, **settings)


def logged_in(folder: Path, address: str) -> dict[str, str]:
    """What makes Docker's own client and ours know the tests' login at a registry."""
    folder.mkdir(parents=True, exist_ok=True)
    login = base64.b64encode(f"{LOGIN.name}:{LOGIN.password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": login}}}))
    return {"DOCKER_CONFIG": str(folder)}
