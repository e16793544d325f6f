"""Images of jobs leave the registry, with their blobs, once nothing has named them for long.

It is done while nothing is pushed, so that no blob goes that a push has just found there. Images
can be pulled all the while.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from labdock_service.jsonfile import write_json
from labdock_service.packaging.pushing import nobody_pushes
from labdock_service.packaging.request import jobs_repository
from labdock_service.registry import Registry
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store, images


def expired(
    there: Iterable[str],
    named: Collection[str],
    since: Mapping[str, float],
    now: float,
    kept_seconds: float,
) -> tuple[set[str], dict[str, float]]:
    """The images that nothing has named for so long; and since when others were not named.

    `since` is what the last look gave for others: one that it does not know is unnamed from now
    on, and so is one whose time lies ahead.
    """
    unnamed = {image: min(since.get(image, now), now) for image in there if image not in named}
    gone = {image for image, at in unnamed.items() if now - at >= kept_seconds}
    return gone, {image: at for image, at in unnamed.items() if image not in gone}


@dataclass(frozen=True)
class JobImages:
    """The images of a deployment's jobs in its registry."""

    state: StateFolder
    registry: Registry
    store: Store
    free: Callable[[], None]
    """Frees the blobs of images that were deleted."""

    def collect(self, now: float, kept_seconds: float) -> set[str]:
        """Delete what nothing has named for so long; returns which, as `REPOSITORY@DIGEST`.

        Nothing is deleted while a snapshot is packaged. Raises BlockingIOError while something
        is pushed.
        """
        with nobody_pushes(self.state), self.store.read() as session:
            if images.any_packaged(session):
                return set()
            named = {f"{jobs_repository(of)}@{digest}" for of, digest in images.named(session)}
            there = set(chain.from_iterable(map(self._images, images.projects(session))))
            gone, since = expired(there, named, self._read(), now, kept_seconds)
            for image in sorted(gone):
                self.registry.delete_manifest(*image.split("@"))
            if gone:
                self.free()
            write_json(self._record, since)
        return gone

    @property
    def _record(self) -> Path:
        return self.state.cache / "unnamed-images.json"

    def _images(self, project: str) -> Iterator[str]:
        repository = jobs_repository(project)
        for tag in self.registry.tags(repository):
            if digest := self.registry.digest(repository, tag):
                yield f"{repository}@{digest}"

    def _read(self) -> dict[str, float]:
        try:
            return dict(json.loads(self._record.read_bytes()))
        except (OSError, ValueError, TypeError):
            return {}
