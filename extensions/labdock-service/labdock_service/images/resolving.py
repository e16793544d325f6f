"""`labdock images lock` and `labdock images mirror`: the lock's images at their registries."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from labdock_service.errors import NotFound
from labdock_service.images.locked import FILE, read_lock, with_digest
from labdock_service.packaging.pushing import Push, pushing
from labdock_service.references import Reference, parse
from labdock_service.registry import Registry
from labdock_service.statefolder import StateFolder

Connect = Callable[[str], Registry]
Report = Callable[[str], None]


def renew_lock(names: Sequence[str], connect: Connect, report: Report, file: Path = FILE) -> str:
    """Ask each image's registry for the digest of its tag and write it; the change as a diff."""
    lock = read_lock(file)
    before = after = file.read_text(encoding="utf-8")
    for name in names or lock.images:
        image = parse(lock.named(name).image)
        report(f"{name}: {image}")
        digest = connect(lock.address(image.registry)).digest(image.repository, image.tag)
        if digest is None:
            raise NotFound(f"{image.registry} does not have {image.repository}:{image.tag}.")
        if digest != lock.images[name].digest:
            checked = f"{datetime.now(UTC):%Y-%m-%d} at {image.registry}"
            after = with_digest(after, name, digest, checked)
    if after != before:
        file.write_text(after, encoding="utf-8")
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(old, new, file.name, file.name))


@dataclass(frozen=True)
class Mirrored:
    """An image in the team's registry, and the bytes that were sent for it."""

    reference: Reference
    sent: int


def mirror(
    address: str, connect: Connect, report: Report, state: StateFolder, file: Path = FILE
) -> Iterator[Mirrored]:
    """Copy every image of the lock into a registry, by digest; what is there is not sent again."""
    lock = read_lock(file)
    registry = connect(address)
    for name in lock.images:
        reference = lock.get(name).reference
        report(f"{name}: {reference.repository}@{reference.digest[:19]}…")
        target = Push(registry, reference.repository, state)
        with pushing(state):
            _Copy(connect(lock.address(reference.registry)), target).image(
                reference.digest, reference.tag
            )
        yield Mirrored(
            Reference(address, reference.repository, reference.tag, reference.digest), target.sent
        )


@dataclass
class _Copy:
    """Copies images out of a registry, into the repository of the same name."""

    source: Registry
    target: Push

    def image(self, digest: str, tag: str = "") -> None:
        """Copy an image or index with all that it names, unless it is there whole."""
        if self.target.has_image(tag or digest, digest):
            return
        data = self.source.manifest(self.target.repository, digest)
        manifest = json.loads(data)
        for part in manifest.get("manifests", ()):
            self.image(part["digest"])
        for part in [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]:
            self._blob(part["digest"])
        self.target.image(tag or digest, data, _media_type(manifest))

    def _blob(self, digest: str) -> None:
        if self.target.has_blob(digest):
            return
        with NamedTemporaryFile(prefix="labdock-mirror-") as file:
            for part in self.source.blob(self.target.repository, digest):
                file.write(part)
            file.flush()
            self.target.blob(digest, Path(file.name))


def _media_type(manifest: dict[str, Any]) -> str:
    kind = manifest.get("mediaType")
    if kind:
        return str(kind)
    inner = "index" if "manifests" in manifest else "manifest"
    return f"application/vnd.oci.image.{inner}.v1+json"
