"""From an image as Docker built it to its one form, and back into Docker."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from docker import DockerClient

from labdock_service.errors import EngineFailed
from labdock_service.images.layout import BuiltImage, BuiltImages

CHUNK = 1 << 20


class _Stream(io.RawIOBase):
    """What Docker sends, as a file that is read once."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def normal_image(
    docker: DockerClient, built: str, name: str, made_of: str, images: BuiltImages
) -> BuiltImage:
    """Bring an image of the local Docker into its one form, in the state and in Docker."""
    with images.scratch() as place:
        tars, config = _save(docker, built, place)
        normal = {diff_id: images.add_layer(tar, diff_id) for diff_id, tar in tars.items()}
        order = [normal[diff_id] for diff_id in config["rootfs"]["diff_ids"]]
        image = images.put(name, [layer for layer, _ in order], config, made_of)
        _load(docker, image, images, [file for _, file in order], place)
    return image


def _load(
    docker: DockerClient, image: BuiltImage, images: BuiltImages, files: list[Path], place: Path
) -> None:
    with (place / "archive.tar").open("w+b") as archive:
        _write_archive(archive, image, images, files)
        archive.seek(0)
        for said in docker.api.load_image(archive):
            if "error" in said:
                raise EngineFailed(f"Docker does not take the image {image.name}: {said['error']}")


def _save(docker: DockerClient, built: str, place: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """The image's layers by the digest of their tars, and its configuration."""
    tars: dict[str, Path] = {}
    texts: dict[str, bytes] = {}
    stream = io.BufferedReader(_Stream(docker.api.get_image(built)), CHUNK)
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            if member.name.endswith("layer.tar"):
                file = place / f"{len(tars)}.tar"
                tars[_copy(content, file)] = file
            else:
                texts[member.name] = content.read()
    [told] = json.loads(texts["manifest.json"])
    return tars, json.loads(texts[told["Config"]])


def _copy(source: Any, target: Path) -> str:
    hashed = hashlib.sha256()
    with target.open("wb") as out:
        while part := source.read(CHUNK):
            hashed.update(part)
            out.write(part)
    return f"sha256:{hashed.hexdigest()}"


def _write_archive(
    archive: BinaryIO, image: BuiltImage, images: BuiltImages, files: list[Path]
) -> None:
    """An archive as `docker save` writes them, of layers that are not compressed."""
    config = images.blob(image.id).read_bytes()
    names = [f"{layer.diff_id.removeprefix('sha256:')}/layer.tar" for layer in image.layers]
    told = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in (("config.json", config), ("manifest.json", json.dumps(told).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, file in zip(names, files, strict=True):
            tar.add(file, name)
