"""Whether an environment can be chosen now, for servers and for jobs alike."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy.orm import Session

from labdock_service.api.parts import Parts
from labdock_service.findings import Policy
from labdock_service.linux import host_name
from labdock_service.packaging.environments import (
    PinnedEnvironment,
    check_usable,
    find_environments,
)
from labdock_service.store import verifications


def environments_here(parts: Parts) -> list[PinnedEnvironment]:
    """Those that the engine can start."""
    return find_environments(parts.state, parts.engine.environments)


def why_unavailable(
    parts: Parts, session: Session, found: Iterable[PinnedEnvironment]
) -> dict[str, str]:
    """Why environments cannot be chosen, by their digests; those that can are not in it."""
    environments = list(found)
    why_no_gpu = parts.engine.why_no_gpu() if any(one.gpu for one in environments) else None
    reasons = {}
    for one in environments:
        why = (why_no_gpu if one.gpu else None) or verifications.problem(
            session, one.images, host_name(), Policy.of(parts.settings.images), time.time()
        )
        if why:
            reasons[one.digest] = why
    return reasons


def check_available(parts: Parts, session: Session, environment: PinnedEnvironment) -> None:
    """Refuse an environment that cannot be chosen. Raises Invalid."""
    check_usable(
        environment, why_unavailable(parts, session, [environment]).get(environment.digest)
    )


def check_still_available(parts: Parts, session: Session, digest: str) -> None:
    """Refuse the environment of a snapshot that was made before; one that is gone passes here."""
    for environment in environments_here(parts):
        if environment.digest == digest:
            check_available(parts, session, environment)


def unverified(session: Session, found: Iterable[PinnedEnvironment]) -> list[str]:
    """The digests of environments of images that were not verified on this machine yet."""
    here = host_name()
    return [
        one.digest for one in found if not verifications.are_verified(session, one.images, here)
    ]
