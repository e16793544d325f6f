"""What an image consists of goes into a repository: each part once, and by one process at a time.

A registry on plain files writes its links in place: who reads one at that moment finds it
empty, and the registry refuses the image as one of other digests, or does not answer. So a part
that is there is never written again, and two processes never write the same part at once.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labdock.digests import sha256
from labdock_service.errors import Unavailable
from labdock_service.registry import Registry
from labdock_service.statefolder import StateFolder


@dataclass
class Push:
    """A push into a repository, by whom nothing is sent that is there; `sent` counts bytes."""

    registry: Registry
    repository: str
    state: StateFolder
    sent: int = field(default=0, init=False)

    def has_image(self, tag: str, digest: str) -> bool:
        """Whether the tag names the image of this digest."""
        with self._alone(tag):
            return self._names(tag, digest)

    def mount(self, digest: str, source_repository: str) -> bool:
        """Have a blob that another repository has; False where that one lacks it."""
        with self._alone(digest):
            there = self.registry.has_blob(self.repository, digest)
            return there or self.registry.mount(self.repository, digest, source_repository)

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob, so that its content need not be fetched."""
        with self._alone(digest):
            return self.registry.has_blob(self.repository, digest)

    def blob(self, digest: str, content: Path | bytes) -> None:
        """Have a blob of this content."""
        with self._alone(digest):
            if not self.registry.has_blob(self.repository, digest):
                self.registry.push_blob(self.repository, digest, content)
                self.sent += _size(content)

    def image(self, tag: str, manifest: bytes, media_type: str) -> str:
        """Have the tag name an image whose blobs are there; returns its digest."""
        digest = sha256(manifest)
        with self._alone(tag):
            if not self._names(tag, digest):
                self.registry.push_manifest(self.repository, tag, manifest, media_type)
                self.sent += len(manifest)
        return digest

    def _names(self, tag: str, digest: str) -> bool:
        try:
            return self.registry.digest(self.repository, tag) == digest
        except Unavailable:  # of a full disk a broken link is left; a registry that is away says so
            return False

    @contextmanager
    def _alone(self, part: str) -> Iterator[None]:
        """Keep this machine's other processes off a part, and off a few that share its lock."""
        number = sha256(f"{self.repository} {part}".encode())[-2:]
        with _locked(self.state, number, fcntl.LOCK_EX):
            yield


@contextmanager
def pushing(state: StateFolder) -> Iterator[None]:
    """Nothing is deleted from registries meanwhile: what was found there stays."""
    with _locked(state, "all", fcntl.LOCK_SH):
        yield


@contextmanager
def nobody_pushes(state: StateFolder) -> Iterator[None]:
    """Nothing is pushed meanwhile. Raises BlockingIOError where something is."""
    with _locked(state, "all", fcntl.LOCK_EX | fcntl.LOCK_NB):
        yield


@contextmanager
def _locked(state: StateFolder, name: str, how: int) -> Iterator[None]:
    place = state.cache / "pushing"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.lock").open("a") as file:
        fcntl.flock(file, how)
        yield


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size
