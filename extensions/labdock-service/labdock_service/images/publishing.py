"""Built images in the team's registry, and the environment that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from labdock.digests import canonical_json, sha256
from labdock_service.errors import EngineFailed
from labdock_service.images.layout import MANIFEST, BuiltImage, BuiltImages
from labdock_service.jsonfile import write_json
from labdock_service.packaging.environments import DESCRIPTION, board_record, usual_platform
from labdock_service.packaging.pushing import Push, pushing
from labdock_service.registry import Registry
from labdock_service.statefolder import StateFolder

TAG = "built"
"""Where people look for the newest; Labdock itself names images by digest alone."""

DESCRIBE = (
    "import json, platform, importlib.metadata as m; from packaging.utils import "
    "canonicalize_name as c; print(json.dumps({'python': platform.python_version(), "
    "'packages': {c(d.name): d.version for d in m.distributions()}, "
    "'metadata': {c(d.name): d.read_text('METADATA') or '' for d in m.distributions()}}))"
)


def push(image: BuiltImage, repository: str, images: BuiltImages, registry: Registry) -> int:
    """Push what the registry lacks of an image; the bytes that were sent."""
    target = Push(registry, repository, images.state)
    with pushing(images.state):
        for digest in [*(layer.digest for layer in image.layers), image.id]:
            target.blob(digest, images.blob(digest))
        target.image(TAG, images.blob(image.digest).read_bytes(), MANIFEST)
    return target.sent


@dataclass(frozen=True)
class Pair:
    """The two images of an environment, as the registry at `address` has them."""

    training: BuiltImage
    notebook: BuiltImage
    address: str
    gpu: bool = False

    def names(self) -> dict[str, str]:
        """Both by digest."""
        return {
            part: f"{self.address}/labdock/{image.name}@{image.digest}"
            for part, image in (("notebook", self.notebook), ("training", self.training))
        }


def record_environment(pair: Pair, state: StateFolder, client: DockerClient) -> dict[str, Any]:
    """Write an environment's record, and make it the default one of its state folder."""
    told = _describe(client, pair.training)
    described = {
        **_names(pair, told["packages"], told["python"]),
        **pair.names(),
        "python": told["python"],
        "packages": dict(sorted(told["packages"].items())),
    }
    folder = state.environments / pair.training.digest.removeprefix("sha256:")
    folder.mkdir(parents=True, exist_ok=True)
    _keep_metadata(told["metadata"], folder / "site-packages")
    _make_older(state, described["name"], folder.name)
    write_json(folder / DESCRIPTION, described)
    return described


def record_board(image: BuiltImage, address: str, state: StateFolder) -> None:
    """Have projects' TensorBoards start from this image."""
    reference = f"{address}/labdock/{image.name}@{image.digest}"
    state.environments.mkdir(parents=True, exist_ok=True)
    write_json(board_record(state), {"image": reference})


def _keep_metadata(metadata: Mapping[str, str], folder: Path) -> None:
    """Keep what packages say of their extras: packaging needs it, and cannot look into an image."""
    for name, text in metadata.items():
        place = folder / f"{name}.dist-info"
        place.mkdir(parents=True, exist_ok=True)
        (place / "METADATA").write_text(text, "utf-8")


def _names(pair: Pair, packages: Mapping[str, str], python: str) -> dict[str, Any]:
    tensorflow = packages.get("tensorflow-cpu") or packages["tensorflow"]
    version, minor = (".".join(number.split(".")[:2]) for number in (tensorflow, python))
    own = pair.training.layers[-1]  # Labdock's own packages: the rest is what locks hold for
    rest = [layer.diff_id for layer in pair.training.layers if layer != own]
    return {
        "kind": "image",
        "name": f"tensorflow-{version}{'-gpu' if pair.gpu else ''}",
        "title": f"TensorFlow {version} ({'GPU' if pair.gpu else 'CPU'}), Python {minor}",
        "digest": pair.training.digest,
        "foundation": sha256(canonical_json(rest)),
        "platform": usual_platform(),
        "gpu": pair.gpu,
        "default": not pair.gpu,
    }


def _describe(client: DockerClient, image: BuiltImage) -> dict[str, Any]:
    """What an image says of its Python and packages."""
    output = client.containers.run(
        image.id, ["python", "-c", DESCRIBE], entrypoint=[], network_mode="none", remove=True
    )
    try:
        told: dict[str, Any] = json.loads(output)
    except ValueError:
        raise EngineFailed(f"The image {image.name} does not say what it holds.") from None
    return told


def _make_older(state: StateFolder, name: str, newest: str) -> None:
    """Mark environments that this one replaces: they stay for the jobs that name them."""
    for file in sorted(state.environments.glob(f"*/{DESCRIPTION}")):
        body = json.loads(file.read_bytes())
        if file.parent.name == newest or body.get("kind") != "image" or body["name"] != name:
            continue
        write_json(file, {**body, "name": f"{name}@{file.parent.name[:8]}", "default": False})
