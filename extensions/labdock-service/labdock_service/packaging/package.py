"""Packaging: from a source in an environment to an image, by way of a lock and layers."""

from __future__ import annotations

import errno
from collections.abc import Callable

from labdock.digests import canonical_json, sha256
from labdock_service.errors import PackagingFailed
from labdock_service.packaging.dependencies import dependency_layer
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.lock import Locking, lock_digest, make_lock
from labdock_service.packaging.oci import Image, write_image
from labdock_service.packaging.publishing import publish_image
from labdock_service.packaging.request import Packaged, PackagingRequest
from labdock_service.packaging.sourcecode import RUNTIME, code_layer, package_layer, read_package
from labdock_service.packaging.uv import DISK_FULL
from labdock_service.registry import Registry
from labdock_service.statefolder import StateFolder

Report = Callable[[str], None]


def package(request: PackagingRequest, folders: StateFolder, report: Report) -> Packaged:
    """Make the image of a snapshot, or find it made. It may run twice at once.

    Raises PackagingFailed with a sentence for the person. `report` is told what it does.
    """
    try:
        return _package(request, LayerStore(folders), report)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PackagingFailed(DISK_FULL) from error
        raise


def snapshot_digest(source: str, lock: str, environment: str, runtime: str) -> str:
    """The name of a snapshot: of its source, lock, environment and runtime's version."""
    parts = {
        "source": source,
        "lock": lock_digest(lock),
        "environment": environment,
        "runtime": runtime,
    }
    return sha256(canonical_json(parts))


def _package(request: PackagingRequest, store: LayerStore, report: Report) -> Packaged:
    source, environment = request.source, request.environment
    lock = _lock(request, store, report)
    runtime = read_package(request.runtime, RUNTIME)
    layers = [
        dependency_layer(lock, environment, store, report),
        package_layer(runtime, store),
        code_layer(source, store),
    ]
    name = snapshot_digest(source.digest, lock, environment.digest, runtime.version)
    image = Image(
        name=name.removeprefix("sha256:"),
        layers=layers,
        machine=environment.machine,
        annotations={
            "labdock.snapshot": name,
            "labdock.source": source.digest,
            "labdock.environment": environment.digest,
            "labdock.runtime": runtime.version,
        },
    )
    return Packaged(
        lock=lock,
        runtime=runtime.version,
        snapshot_digest=name,
        image_digest=_finish(image, request, store, report),
        layers=layers,
    )


def _finish(image: Image, request: PackagingRequest, store: LayerStore, report: Report) -> str:
    """The image's digest, once it is where its engine takes it from."""
    place, training = request.registry, request.environment.training
    if place is None or not training:
        return write_image(image, store)
    report("Pushing its image.")
    return publish_image(
        image, training, request.repository, Registry(place.address, place.login), store
    )


def _lock(request: PackagingRequest, store: LayerStore, report: Report) -> str:
    if request.lock is not None and not request.renew:
        return request.lock
    report("Locking dependencies.")
    wanted = request.source.requirements
    return make_lock(Locking(wanted, request.environment, store.state, fresh=request.renew))
