"""The registry that Labdock runs where the team names none: a container on 127.0.0.1.

Only the service and Docker itself have its account; no container that people control has a
way there. What it holds lies in the state folder.
"""

from __future__ import annotations

import time
from pathlib import Path

import bcrypt
import requests

from labdock_service.confinement import CONFINED, account
from labdock_service.containers import REGISTRY
from labdock_service.engines.containers import give_away
from labdock_service.engines.dockerd import Dockerd
from labdock_service.engines.opening import OWN_ACCOUNT, registry_place
from labdock_service.errors import EngineFailed, Unavailable
from labdock_service.registry import RegistryPlace
from labdock_service.secretfile import keep_secret
from labdock_service.settings import Settings

INSIDE = "/var/lib/registry"
CONFIG = "/etc/labdock/registry.yml"
ACCOUNTS = "/etc/labdock/accounts"
PORT = 5000
"""Its port inside of its container."""

_PATIENCE_SECONDS = 60.0
_ROUNDS = 4
"""Of bcrypt, the fewest: the registry hashes at every request, and nobody guesses 128 bits."""


def ensure_registry(settings: Settings, image: str) -> RegistryPlace:
    """Have the registry run, from an image that is here, and say where it answers."""
    password = keep_secret(settings.state.registry_password)
    place = registry_place(settings)
    dockerd = _dockerd(settings)
    found = dockerd.find_container(REGISTRY)
    runs = found is not None and found.status == "running" and found.image.id == image
    if not runs or not lets_in(settings.state.registry / "accounts", password):
        dockerd.remove_container(REGISTRY)
        _start(settings, dockerd, image, password)
    _await(place)
    return place


def free_blobs(settings: Settings) -> None:
    """Delete the blobs that no image names; nothing may be pushed meanwhile.

    A registry of the team's own is left to the team. Raises EngineFailed.
    """
    dockerd = _dockerd(settings)
    registry = None if settings.docker.registry else dockerd.find_container(REGISTRY)
    if registry is None:
        return
    code, said = registry.exec_run(["docker-registry", "garbage-collect", CONFIG])
    if code:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise EngineFailed(f"The registry's blobs were not freed: {last}")


def _dockerd(settings: Settings) -> Dockerd:
    chosen = settings.docker
    return Dockerd(chosen.prefix, chosen.subnet, settings.state.networks_lock)


def _start(settings: Settings, dockerd: Dockerd, image: str, password: str) -> None:
    folder = settings.state.registry
    data, accounts = folder / "data", folder / "accounts"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()
    accounts.write_text(f"{OWN_ACCOUNT}:{hashed}\n")
    give_away([data])
    uid, gid = account()
    container = dockerd.create_container(
        REGISTRY,
        image=image,
        user=f"{uid}:{gid}",
        volumes=[f"{data}:{INSIDE}", f"{accounts}:{ACCOUNTS}:ro"],
        ports={PORT: ("127.0.0.1", settings.docker.registry_port)},
        restart_policy={"Name": "unless-stopped"},
        labels={},
        **CONFINED,
    )
    dockerd.run(container)


def lets_in(accounts: Path, password: str) -> bool:
    """Whether its accounts are those of this password: a restore may have brought another."""
    try:
        name, _, hashed = accounts.read_bytes().strip().partition(b":")
        return name.decode() == OWN_ACCOUNT and bcrypt.checkpw(password.encode(), hashed)
    except (OSError, ValueError):
        return False


def _await(place: RegistryPlace) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _answers(place):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"The registry on {place.address} does not answer: `docker logs` of its container "
                "says why. If another program has the port, set 'docker.registry_port'."
            )
        time.sleep(0.1)


def _answers(place: RegistryPlace) -> bool:
    try:
        return requests.get(f"http://{place.address}/v2/", timeout=5).status_code in (200, 401)
    except requests.RequestException:
        return False
