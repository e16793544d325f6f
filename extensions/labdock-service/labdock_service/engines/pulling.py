"""Images are fetched ahead of their use, and how far each is can be read from a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from labdock_service.jsonfile import write_json
from labdock_service.registry import RegistryPlace

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pull:
    """How far an image is."""

    percent: int = 0
    problem: str = ""
    """Why it could not be fetched, for the admin; it is tried again."""

    @property
    def here(self) -> bool:
        """Whether containers can be started from it."""
        return self.percent == 100

    @property
    def sentence(self) -> str:
        """What a person is told, after the image's title."""
        if self.problem:
            return "could not be fetched yet; it is tried again, and the hub's log says why."
        return f"is being fetched, and {self.percent} % are here."


def pull(
    client: docker.DockerClient,
    image: str,
    report: Callable[[int], None] = lambda _: None,
    place: RegistryPlace | None = None,
) -> None:
    """Fetch an image where it is missing, with per cent as they come. Raises DockerException."""
    if not is_here(client, image):
        for percent in percents(_events(client, image, place)):
            report(percent)


def _events(
    client: docker.DockerClient, image: str, place: RegistryPlace | None
) -> Iterable[dict[str, Any]]:
    login = place and place.login_for(image)
    account = login and login.for_docker
    events: Iterable[dict[str, Any]] = client.api.pull(
        image, stream=True, decode=True, auth_config=account
    )
    return events


def is_here(client: docker.DockerClient, image: str) -> bool:
    """Whether Docker has this image."""
    try:
        client.api.inspect_image(image)
    except ImageNotFound:
        return False
    return True


def percents(events: Iterable[dict[str, Any]]) -> Iterator[int]:
    """What Docker says while it fetches, as whole per cent that never fall and end below 100.

    A layer counts half when it is here and whole when it is unpacked; layers count by their
    bytes, those whose size is not said yet as nothing. Raises APIError where it did not succeed.
    """
    total: dict[str, int] = {}
    done: dict[str, float] = {}
    shown = -1
    for event in events:
        if error := event.get("error"):
            raise APIError(error, explanation=error)
        layer, status = event.get("id", ""), event.get("status", "")
        detail = event.get("progressDetail") or {}
        if detail.get("total"):
            total[layer] = max(total.get(layer, 0), detail["total"])
        done[layer] = max(done.get(layer, 0.0), _share(status, detail))
        whole = sum(total.values())
        part = sum(total[name] * done.get(name, 0.0) for name in total)
        percent = min(99, int(100 * part / whole)) if whole else 0
        if percent > shown:
            shown = percent
            yield percent


def _share(status: str, detail: dict[str, Any]) -> float:
    if status in ("Pull complete", "Already exists"):
        return 1.0
    if status in ("Download complete", "Verifying Checksum"):
        return 0.5
    if detail.get("total") and status in ("Downloading", "Extracting"):
        part = 0.5 * float(detail.get("current", 0)) / float(detail["total"])
        return part + (0.5 if status == "Extracting" else 0.0)
    return 0.0


class PullRecord:
    """The file that says how far each image is; one process writes it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, Pull]:
        """Every image of which anything is known."""
        try:
            kept = json.loads(self._file.read_bytes())
            return {image: Pull(**said) for image, said in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def write(self, pulls: dict[str, Pull]) -> None:
        """Replace what is known."""
        write_json(self._file, {image: asdict(pull) for image, pull in pulls.items()})


def pull_all(
    client: docker.DockerClient,
    images: Iterable[str],
    record: PullRecord,
    place: RegistryPlace | None = None,
) -> None:
    """Fetch what is missing, one image after the other, and record how far each is."""
    wanted = list(dict.fromkeys(images))
    pulls = {image: Pull(100 if is_here(client, image) else 0) for image in wanted}
    known = record.read()
    if {image: pull.here for image, pull in known.items()} != {
        image: pull.here for image, pull in pulls.items()
    }:
        record.write(pulls)

    def note(image: str, state: Pull) -> None:
        pulls[image] = state
        record.write(pulls)

    for image in wanted:
        if pulls[image].here:
            continue
        try:
            pull(client, image, lambda percent, image=image: note(image, Pull(percent)), place)  # type: ignore[misc]
            note(image, Pull(100))
        except DockerException as error:
            reason = getattr(error, "explanation", None) or type(error).__name__
            problem = str(reason)[:200]
            if problem != known.get(image, Pull()).problem:
                LOG.warning("%s could not be fetched: %s", image, problem)
            note(image, Pull(problem=problem))
