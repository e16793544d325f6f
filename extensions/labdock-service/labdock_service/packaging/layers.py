"""Layers: a folder as a tar whose bytes depend on nothing but what the folder holds.

Entries are sorted, modes are 644 or 755, and there are no times and no owners. A layer is
kept twice: as a blob of the image layout, and unpacked, read-only, for the process engine.
Both appear whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from labdock.digests import canonical_json, sha256
from labdock.schema import Layer
from labdock_service.folders import delete_folder
from labdock_service.jsonfile import write_json
from labdock_service.packaging.scratch import publish
from labdock_service.statefolder import StateFolder

Role = Literal["dependencies", "runtime", "code"]

ROOT = "opt/labdock"
"""Where layers lie in an image, each in a folder named by its role."""

CHUNK = 1 << 20
BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class LayerStore:
    """The layers of a state folder, and which of them was made of what."""

    state: StateFolder

    def find(self, role: Role, *made_of: str) -> Layer | None:
        """The layer that was made of these inputs before, if it is still there."""
        try:
            layer = Layer(**json.loads(self._record(role, made_of).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        there = self.blob(layer.digest).exists() and self.unpacked(layer.digest).exists()
        return layer if there else None

    def add(self, role: Role, folder: Path, *made_of: str) -> Layer:
        """Make a layer of a finished folder, which is moved to its place among the layers."""
        tar = folder.with_suffix(".tar")
        layer = write_tar(role, folder, tar)
        publish(tar, self.blob(layer.digest))
        self._unpack(folder, layer)
        record = self._record(role, made_of)
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, asdict(layer))
        return layer

    def blob(self, digest: str) -> Path:
        """Where a blob of the image layout lies."""
        return self.state.images / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def unpacked(self, digest: str) -> Path:
        """Where an unpacked layer lies."""
        return self.state.layers / digest.removeprefix("sha256:")

    def _unpack(self, folder: Path, layer: Layer) -> None:
        final = self.unpacked(layer.digest)
        if final.exists():
            delete_folder(folder)
        else:
            _point_to_roots(folder, self.state.data_roots)
            make_read_only(folder)
            publish(folder, final)
        final.chmod(0o555)

    def _record(self, role: Role, made_of: tuple[str, ...]) -> Path:
        key = sha256(canonical_json([role, *made_of])).removeprefix("sha256:")
        return self.state.cache / "layers" / f"{key}.json"


def write_tar(role: Role, folder: Path, target: Path) -> Layer:
    """Write a folder as a layer's tar."""
    hashed = hashlib.sha256()
    size = 0
    with target.open("wb", buffering=0) as file:
        for chunk in _tar(f"{ROOT}/{role}", folder):
            hashed.update(chunk)
            file.write(chunk)
            size += len(chunk)
    target.chmod(0o444)
    return Layer(role=role, digest=f"sha256:{hashed.hexdigest()}", size=size)


def _tar(root: str, folder: Path) -> Iterator[bytes]:
    parents = root.split("/")
    for count in range(1, len(parents) + 1):
        yield _header("/".join(parents[:count]), tarfile.DIRTYPE, mode=0o755)
    for path in sorted(_walk(folder)):
        full = folder / path
        status = full.lstat()
        if stat.S_ISDIR(status.st_mode):
            yield _header(f"{root}/{path}", tarfile.DIRTYPE, mode=0o755)
        elif stat.S_ISLNK(status.st_mode):
            yield _header(f"{root}/{path}", tarfile.SYMTYPE, mode=0o777, link=str(full.readlink()))
        else:
            mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            yield _header(f"{root}/{path}", tarfile.REGTYPE, mode=mode, size=status.st_size)
            yield from _content(full, status.st_size)
    yield bytes(2 * BLOCK)


def _header(path: str, kind: bytes, *, mode: int, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _content(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk
    yield bytes(-size % BLOCK)


def _walk(folder: Path) -> Iterator[str]:
    """Everything below a folder, by its path in it; links are not followed."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as items:
            for item in items:
                path = f"{below}{item.name}"
                yield path
                if item.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")


def make_read_only(folder: Path) -> None:
    """Take away the right to write: files may be linked to uv's cache and to other layers.

    The outermost folder stays as it is, or it could not be moved.
    """
    for path in _walk(folder):
        full = folder / path
        mode = full.lstat().st_mode
        if not stat.S_ISLNK(mode):
            full.chmod(0o555 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o444)


ROOTS = "/opt/labdock/roots"
"""Where data roots are found in an image; the unpacked code layer has links to their places."""


def _point_to_roots(folder: Path, roots: Path) -> None:
    for path in _walk(folder):
        full = folder / path
        if full.is_symlink() and (text := str(full.readlink())).startswith(f"{ROOTS}/"):
            full.unlink()
            full.symlink_to(roots.absolute() / text.removeprefix(f"{ROOTS}/"))
