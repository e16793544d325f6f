"""Images that were built, in the state folder: blobs by digest, and a record of each image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labdock.digests import canonical_json, sha256
from labdock_service.images.normal import NormalLayer, compress, epoch, normalise
from labdock_service.jsonfile import write_json
from labdock_service.statefolder import StateFolder

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
KEPT = ("Cmd", "Entrypoint", "Env", "ExposedPorts", "User", "Volumes", "WorkingDir")
"""What of an image's configuration does not depend on who built it."""


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """An image in its one form. `id` is what the local Docker calls it."""

    name: str
    digest: str
    id: str
    layers: Sequence[NormalLayer]
    made_of: str
    """Digest of everything that it was built from."""

    @property
    def compressed(self) -> int:
        """Bytes that a registry keeps of it."""
        return sum(layer.size for layer in self.layers)

    @property
    def unpacked(self) -> int:
        """Bytes of its files."""
        return sum(layer.unpacked for layer in self.layers)


@dataclass(frozen=True)
class BuiltImages:
    """The images that were built with a state folder."""

    state: StateFolder

    @property
    def folder(self) -> Path:
        """It can be made again, so it lies in the cache."""
        return self.state.cache / "built"

    def blob(self, digest: str) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / digest.removeprefix("sha256:")

    def find(self, name: str, made_of: str = "") -> BuiltImage | None:
        """The image of this name, if it is there; with `made_of`, only one of these inputs."""
        try:
            body = json.loads((self.folder / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        image = BuiltImage(**{**body, "layers": [NormalLayer(**layer) for layer in body["layers"]]})
        return None if made_of and image.made_of != made_of else image

    def put(
        self, name: str, layers: Sequence[NormalLayer], config: Mapping[str, Any], made_of: str
    ) -> BuiltImage:
        """Write an image's configuration and manifest, and its record."""
        settings = canonical_json(_config(name, layers, config))
        manifest = canonical_json(_manifest(settings, layers))
        self.blob("").mkdir(parents=True, exist_ok=True)
        for data in (settings, manifest):
            self.blob(sha256(data)).write_bytes(data)
        image = BuiltImage(
            name=name, digest=sha256(manifest), id=sha256(settings), layers=layers, made_of=made_of
        )
        write_json(self.folder / f"{name}.json", asdict(image))
        self._sweep()
        return image

    def _sweep(self) -> None:
        """Delete the blobs that no image names any more."""
        images = (self.find(file.stem) for file in self.folder.glob("*.json"))
        kept = {
            digest
            for image in images
            if image
            for digest in (image.digest, image.id, *(layer.digest for layer in image.layers))
        }
        for file in self.blob("").iterdir():
            if f"sha256:{file.name}" not in kept:
                file.unlink()

    def add_layer(self, tar: Path, diff_id: str) -> tuple[NormalLayer, Path]:
        """Keep a layer's tar of that digest in its one form; the layer, and the tar of that form.

        A layer that is in its one form already, as an image's parent brings them, is as it is.
        """
        if kept := self._layer(diff_id):
            return kept, tar
        fresh = tar.with_suffix(".normal")
        with tar.open("rb") as source:
            normal_id, unpacked = normalise(source, fresh)
        tar.unlink()
        layer = self._layer(normal_id) or self._compress(fresh, normal_id, unpacked)
        return layer, fresh

    def _compress(self, tar: Path, diff_id: str, unpacked: int) -> NormalLayer:
        packed = tar.with_suffix(".gz")
        digest, size = compress(tar, packed)
        for place in (self.blob(digest).parent, self._layer_file(diff_id).parent):
            place.mkdir(parents=True, exist_ok=True)
        packed.replace(self.blob(digest))
        layer = NormalLayer(diff_id=diff_id, digest=digest, size=size, unpacked=unpacked)
        write_json(self._layer_file(diff_id), asdict(layer))
        return layer

    def _layer(self, diff_id: str) -> NormalLayer | None:
        try:
            layer = NormalLayer(**json.loads(self._layer_file(diff_id).read_bytes()))
        except FileNotFoundError:
            return None
        return layer if self.blob(layer.digest).exists() else None

    def _layer_file(self, diff_id: str) -> Path:
        return self.folder / "layers" / f"{diff_id.removeprefix('sha256:')}.json"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder to work in, on the disk of the blobs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".making-", dir=self.folder) as place:
            yield Path(place)


def _config(name: str, layers: Sequence[NormalLayer], config: Mapping[str, Any]) -> dict[str, Any]:
    made = config["config"]
    return {
        "architecture": config["architecture"],
        "os": config["os"],
        "created": _time(),
        "config": {
            **{key: made[key] for key in KEPT if made.get(key)},
            "Labels": {"labdock.image": name},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _time(), "created_by": f"labdock images build {name}"}]
        + [{"created": _time(), "created_by": "labdock"}] * (len(layers) - 1),
    }


def _manifest(settings: bytes, layers: Sequence[NormalLayer]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": sha256(settings), "size": len(settings)},
        "layers": [
            {"mediaType": GZIP, "digest": layer.digest, "size": layer.size} for layer in layers
        ],
    }


def _time() -> str:
    return datetime.fromtimestamp(epoch(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
