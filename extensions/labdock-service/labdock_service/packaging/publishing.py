"""From the layers of a snapshot to an image in a registry, on top of its environment's.

The environment's layers are in the registry already: they are mounted, and never downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labdock.digests import canonical_json, sha256
from labdock.schema import Layer
from labdock_service.errors import PackagingFailed, ServiceError, Unavailable
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.oci import MANIFEST, TAR, Image, described, image_settings
from labdock_service.packaging.pushing import Push, pushing
from labdock_service.references import Reference, pinned
from labdock_service.registry import Registry

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_TAR = "application/vnd.docker.image.rootfs.diff.tar"
"""What Docker's own older form calls them: an image is of one form throughout."""


def publish_image(
    image: Image, training: str, repository: str, registry: Registry, store: LayerStore
) -> str:
    """Push what the registry lacks of an image; returns its digest.

    Raises PackagingFailed, and Unavailable where the registry does not answer now.
    """
    base = pinned(training)
    if base.registry != registry.address:
        raise PackagingFailed(
            f"Its environment's image is in {base.registry} and jobs' images go to "
            f"{registry.address}: `labdock images mirror {registry.address}` brings it there."
        )
    try:
        target = Push(registry, repository, store.state)
        with pushing(store.state):
            return _Publication(image, base, target, store).push()
    except (PackagingFailed, Unavailable):
        raise
    except ServiceError as error:
        raise PackagingFailed(str(error)) from error


@dataclass(frozen=True)
class _Publication:
    image: Image
    base: Reference
    target: Push
    store: LayerStore

    def push(self) -> str:
        below = json.loads(self.registry.manifest(self.base.repository, self.base.digest))
        config = canonical_json(self._config(below["config"]["digest"]))
        manifest = canonical_json(self._manifest(below, config))
        digest, tag = sha256(manifest), self.image.name
        if self.target.has_image(tag, digest):
            return digest
        for layer in below["layers"]:
            self._mount(layer["digest"])
        for layer in self.image.layers:
            self.target.blob(layer.digest, self.store.blob(layer.digest))
        self.target.blob(sha256(config), config)
        return self.target.image(tag, manifest, _form(below)[0])

    @property
    def registry(self) -> Registry:
        return self.target.registry

    def _mount(self, digest: str) -> None:
        if not self.target.mount(digest, self.base.repository):
            raise PackagingFailed(
                "A layer of its environment is not in the registry any more: "
                "`labdock images build` brings it back."
            )

    def _config(self, digest: str) -> dict[str, Any]:
        below = json.loads(b"".join(self.registry.blob(self.base.repository, digest)))
        return add_to_config(below, self.image)

    def _manifest(self, below: dict[str, Any], config: bytes) -> dict[str, Any]:
        kind, layer_kind = _form(below)
        own = [
            {"mediaType": layer_kind, "digest": layer.digest, "size": layer.size}
            for layer in self.image.layers
        ]
        return {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": described(below["config"]["mediaType"], config),
            "layers": [*below["layers"], *own],
        }


def add_to_config(below: dict[str, Any], image: Image) -> dict[str, Any]:
    """The configuration of an image on top of another: that one's, and what ours says."""
    settings = dict(below.get("config") or {})
    ours = image_settings(image)
    settings |= {name: value for name, value in ours.items() if name not in ("Env", "Labels")}
    settings["Env"] = [*settings.get("Env", []), *ours["Env"]]
    settings["Labels"] = {**(settings.get("Labels") or {}), **ours["Labels"]}
    diffs = [layer.digest for layer in image.layers]
    return {
        "architecture": below["architecture"],
        "os": below["os"],
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [*below["rootfs"]["diff_ids"], *diffs]},
        "history": [*below.get("history", []), *_history(image.layers)],
    }


def _history(layers: Sequence[Layer]) -> list[dict[str, str]]:
    return [{"created_by": f"labdock: {layer.role}"} for layer in layers]


def _form(manifest: dict[str, Any]) -> tuple[str, str]:
    """What the environment's form calls manifests and plain layers."""
    if manifest.get("mediaType") == DOCKER_MANIFEST:
        return DOCKER_MANIFEST, DOCKER_TAR
    return MANIFEST, TAR
