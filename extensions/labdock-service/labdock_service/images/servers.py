"""The servers that the lock names, for the reconciler, which does not read the lock itself."""

from __future__ import annotations

from collections.abc import Iterator

from labdock_service.images.locked import Lock
from labdock_service.serving.servers import ServerImage


def servers(lock: Lock, mirror: str) -> Iterator[ServerImage]:
    """Images of kind `server` whose digest was checked, at the registry that Docker asks."""
    for name, image in lock.images.items():
        if image.kind != "server" or not image.digest:
            continue
        place = mirror or lock.address(image.reference.registry)
        yield ServerImage(
            name=name,
            title=image.title,
            image=f"{place}/{image.reference.repository}@{image.digest}",
            tensorflow=image.tensorflow,
            gpu=image.gpu,
        )
