"""The OCI image layout on disk: configurations, manifests and the index of images."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labdock.digests import canonical_json, sha256
from labdock.schema import Layer
from labdock_service.jsonfile import write_json
from labdock_service.packaging.layers import ROOT, LayerStore
from labdock_service.packaging.scratch import publish, scratch

CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Machines by the names that the image specification has for them."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What an image is made of. `machine` is the architecture as the kernel names it."""

    name: str
    layers: Sequence[Layer]
    machine: str
    annotations: Mapping[str, str]


def write_image(image: Image, store: LayerStore) -> str:
    """Write an image into the layout and list it there by name; returns its digest."""
    config = canonical_json(_config(image))
    manifest = canonical_json(_manifest(image, config))
    for data in (config, manifest):
        _put(data, store)
    entry = {**described(MANIFEST, manifest), "platform": _platform(image)}
    _list(image.name, entry, store)
    return sha256(manifest)


def image_settings(image: Image) -> dict[str, Any]:
    """What a container of the image starts with."""
    path = ":".join(f"/{ROOT}/{role}" for role in ("runtime", "dependencies"))
    return {
        "Entrypoint": ["python", "-m", "labdock_runtime"],
        "Env": [f"PYTHONPATH={path}"],
        "WorkingDir": f"/{ROOT}/code",
        "Labels": dict(image.annotations),
    }


def _config(image: Image) -> dict[str, Any]:
    return {
        **_platform(image),
        "config": image_settings(image),
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in image.layers]},
        "history": [{"created_by": f"labdock: {layer.role}"} for layer in image.layers],
    }


def _manifest(image: Image, config: bytes) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, config),
        "layers": [
            {"mediaType": TAR, "digest": layer.digest, "size": layer.size} for layer in image.layers
        ],
        "annotations": dict(image.annotations),
    }


def _platform(image: Image) -> dict[str, str]:
    return {"architecture": ARCHITECTURES.get(image.machine, image.machine), "os": "linux"}


def described(kind: str, data: bytes) -> dict[str, Any]:
    """How a manifest or index names a blob."""
    return {"mediaType": kind, "digest": sha256(data), "size": len(data)}


def _put(data: bytes, store: LayerStore) -> None:
    target = store.blob(sha256(data))
    if not target.exists():
        with scratch(store.state) as made:
            (made.path / "blob").write_bytes(data)
            publish(made.path / "blob", target)


def _list(name: str, manifest: dict[str, Any], store: LayerStore) -> None:
    """Add an image to the index, in place of one of the same name."""
    images = store.state.images
    with _locked(store):
        layout = images / "oci-layout"
        if not layout.exists():
            layout.write_text('{"imageLayoutVersion":"1.0.0"}')
        entry = {**manifest, "annotations": {"org.opencontainers.image.ref.name": name}}
        others = [item for item in _listed(store) if item["annotations"] != entry["annotations"]]
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*others, entry]}
        write_json(images / "index.json", body)


def _listed(store: LayerStore) -> list[dict[str, Any]]:
    try:
        index = json.loads((store.state.images / "index.json").read_bytes())
    except FileNotFoundError:
        return []
    manifests: list[dict[str, Any]] = index["manifests"]
    return manifests


@contextmanager
def _locked(store: LayerStore) -> Iterator[None]:
    store.state.images.mkdir(parents=True, exist_ok=True)
    with (store.state.cache / "images.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
