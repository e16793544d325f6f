"""`verify`: an image is admitted by a script that runs inside it, as people's containers run."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container
from requests.exceptions import ConnectionError as NoAnswer
from requests.exceptions import ReadTimeout

from labdock_service.confinement import CONFINED
from labdock_service.errors import EngineFailed, Invalid
from labdock_service.images.layout import BuiltImage
from labdock_service.images.recipes import COMMON, Recipe

PATIENCE = 600
"""Seconds that a `verify` may take."""

SOMEBODY = 54_321
"""A user that no image knows: images work under any."""

HOME = "/home/labdock"


@dataclass(frozen=True)
class Check:
    """What one check found; `passed` is None where it could not run, and `said` says why."""

    check: str
    passed: bool | None
    said: str


@dataclass(frozen=True)
class Verification:
    """Where and when an image was verified, and what could not be checked there."""

    image: str
    """Its digest."""
    node: str
    when: str
    not_run: list[str]


def verify(client: DockerClient, recipe: Recipe, image: str, user: int = 1000) -> list[Check]:
    """Run an image's `verify` in it; the checks. Raises EngineFailed where it says nothing."""
    container = client.containers.create(
        image,
        ["python", "-c", script(recipe)],
        name=f"labdock-verify-{recipe.name}-{time.monotonic_ns()}",
        user=f"{user}:{user}",
        entrypoint=[],
        network_mode="none",
        pids_limit=512,
        tmpfs={"/tmp": "mode=1777", HOME: "mode=1777"},
        **CONFINED,
    )
    try:
        return _checks(container, recipe)
    finally:
        container.remove(force=True, v=True)


def admit(client: DockerClient, recipe: Recipe, image: BuiltImage) -> Verification:
    """Verify an image as its own user and as somebody else. Raises Invalid where it fails."""
    users = (1000, SOMEBODY)
    found = [check for user in users for check in verify(client, recipe, image.id, user)]
    failed = [f"{check.check}: {check.said}" for check in found if check.passed is False]
    if failed:
        raise Invalid(f"The image {recipe.name} is not admitted. {'; '.join(failed)}.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Verification(image.digest, platform.node(), now, _not_run(found))


def script(recipe: Recipe) -> str:
    """An image's `verify` with what stands before it."""
    parts = [COMMON / f"{name}.py" for name in recipe.checks]
    return "\n".join(path.read_text() for path in [*parts, recipe.folder / "verify"])


def _not_run(checks: Sequence[Check]) -> list[str]:
    return sorted({f"{check.check}: {check.said}" for check in checks if check.passed is None})


def _checks(container: Container, recipe: Recipe) -> list[Check]:
    try:
        container.start()
        container.wait(timeout=PATIENCE)
    except (APIError, NoAnswer, ReadTimeout):
        raise EngineFailed(f"The image {recipe.name} could not be verified in time.") from None
    lines = container.logs(stderr=False).decode(errors="replace").strip().splitlines()
    try:
        return [Check(**found) for found in json.loads(lines[-1])]
    except (IndexError, ValueError, TypeError):
        said = container.logs().decode(errors="replace").strip().splitlines()[-1:]
        reason = said[0] if said else "it said nothing"
        raise EngineFailed(f"The image {recipe.name} could not be verified: {reason}") from None
