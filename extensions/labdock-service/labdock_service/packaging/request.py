"""What is asked of packaging, and what it answers: so much of it the reconciler holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labdock.schema import Layer, Source
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.registry import RegistryPlace


@dataclass(frozen=True, kw_only=True)
class PackagingRequest:
    """What to package. `runtime` is the folder of the package `labdock_runtime`.

    `lock` is the one kept for these requirements in this environment, where there is one;
    `renew` asks for a new one nevertheless. `registry` and `repository` are where the image
    goes on a container engine.
    """

    source: Source
    environment: PinnedEnvironment
    runtime: Path
    registry: RegistryPlace | None = None
    repository: str = ""
    lock: str | None = None
    renew: bool = False


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """An image, and the layers it was made of."""

    lock: str
    runtime: str
    snapshot_digest: str
    image_digest: str
    layers: list[Layer]


def jobs_repository(project_id: str) -> str:
    """Where a project's images lie in the registry."""
    return f"labdock/jobs/{project_id}"
