"""Docker's copies of jobs' images go once nothing has used them for a day.

They are copies: the registry keeps every image that a job, a model version or an endpoint names,
and what is wanted again is fetched again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import APIError

from labdock_service.jsonfile import write_json

KEPT_SECONDS = 24 * 3600.0


def collect(client: docker.DockerClient, prefix: str, record: Path, now: float) -> list[str]:
    """Delete copies of images whose names begin with this prefix; returns which.

    `record` says when each was used last, as far as this was called: seconds since 1970.
    """
    used = {container.attrs["Image"] for container in _containers(client)}
    known = _read(record)
    times = {
        name: now if image in used else min(known.get(name, now), now)
        for name, image in _copies(client, prefix)
    }
    gone = [name for name, at in times.items() if now - at >= KEPT_SECONDS]
    for name in gone:
        with contextlib.suppress(APIError):  # a container was made of it meanwhile
            client.api.remove_image(name)
    kept = {name: at for name, at in times.items() if name not in gone}
    if kept != known:
        write_json(record, kept)
    return gone


def _containers(client: docker.DockerClient) -> list[docker.models.containers.Container]:
    return list(client.containers.list(all=True, ignore_removed=True))


def _copies(client: docker.DockerClient, prefix: str) -> Iterator[tuple[str, str]]:
    """Names by digest, and what Docker calls the image."""
    for image in client.api.images():
        for name in image.get("RepoDigests") or ():
            if name.startswith(prefix):
                yield name, image["Id"]


def _read(record: Path) -> dict[str, float]:
    try:
        return dict(json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}
