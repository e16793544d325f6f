"""Which model server a revision gets: an image of the lock, or Labdock's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from labdock_service.jsonfile import write_json

RECORD = "servers.json"

OWN = "Labdock's model server, in the job's own environment"
"""How the sentence of a revision begins that has it."""

EMBEDDED = ""
"""What stands for it where images are named."""


@dataclass(frozen=True, kw_only=True)
class ServerImage:
    """An image that holds `tensorflow_model_server`, by digest; `name` is the lock's."""

    name: str
    title: str
    image: str
    tensorflow: str
    gpu: bool = False


@dataclass(frozen=True)
class Choice:
    """The image that a revision is served from, and a sentence that says why."""

    image: str
    sentence: str


def choose(
    servers: Sequence[ServerImage], tensorflow: str, *, gpus: bool, refused: Mapping[str, str]
) -> Choice:
    """The server whose TensorFlow is the closest to the model's and not older, or Labdock's own.

    The numbers after the second count for nothing but a tie: what one TensorFlow saved, all of
    its line load. `refused` says of images why they cannot be used here.
    """
    if not servers:
        return own("no other is named in images/lock.toml")
    fit = [one for one in servers if one.gpu == gpus and _loads(one.tensorflow, tensorflow)]
    if not fit:
        kind = " and sees GPUs" if gpus else ""
        return own(f"none in images/lock.toml has TensorFlow {tensorflow or '?'} or newer{kind}")
    able = [one for one in fit if one.image not in refused]
    if not able:
        return own(f"{fit[0].title} {refused[fit[0].image]}")
    best = min(able, key=_by_distance)
    why = f"its TensorFlow {best.tensorflow} is not older than the model's {tensorflow}"
    return Choice(best.image, f"{best.title}: {why}.")


def own(why: str) -> Choice:
    """Labdock's own model server, and why."""
    return Choice(EMBEDDED, f"{OWN}: {why.rstrip('.')}.")


def instead(sentence: str, why: str) -> Choice:
    """The same in place of the server that this sentence was about."""
    title = sentence.partition(":")[0]
    return own(f"{title} could not serve it ({why.strip().rstrip('.')})")


def write_servers(folder: Path, servers: Sequence[ServerImage]) -> None:
    """Replace the record of servers where it differs. Only the image keeper does."""
    if read_servers(folder) != list(servers):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RECORD, [asdict(one) for one in servers])


def read_servers(folder: Path) -> list[ServerImage]:
    """The servers that the lock names; none where nobody has looked yet."""
    try:
        return [ServerImage(**said) for said in json.loads((folder / RECORD).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _loads(server: str, model: str) -> bool:
    try:
        ours, theirs = Version(server), Version(model)
    except InvalidVersion:
        return False
    return ours.major == theirs.major and ours.minor >= theirs.minor


def _by_distance(server: ServerImage) -> tuple[int, int, str]:
    version = Version(server.tensorflow)
    return version.minor, -version.micro, server.name
