"""Environments of kind `local`: read-only virtual environments in the state folder."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labdock_service.errors import Invalid
from labdock_service.statefolder import StateFolder

DESCRIPTION = "environment.json"


def usual_platform() -> str:
    """Which wheels an environment takes that does not say: those for glibc 2.28 or newer.

    It is the same on every machine of an architecture, so that a lock installs the same
    wheels on all of them, and no newer than any system that TensorFlow's wheels run on.
    """
    return f"{platform.machine()}-manylinux_2_28"


@dataclass(frozen=True, kw_only=True)
class LocalEnvironment:
    """A virtual environment that notebooks and jobs start from, named by its digest."""

    name: str
    digest: str
    title: str
    python: Path
    """The interpreter."""
    version: str
    """Python's version, in full."""
    packages: dict[str, str]
    foundation: str
    """Digest of what it holds besides Labdock's own packages: locks hold for as long."""
    gpu: bool = False
    """Whether it needs a GPU."""
    default: bool = False
    platform: str = field(default_factory=usual_platform)
    """Platform tag of the wheels it takes, as uv writes it."""

    @property
    def site_packages(self) -> Path:
        """Where its packages are installed."""
        return self.python.parent.parent / "lib" / f"python{self.minor}" / "site-packages"

    @property
    def minor(self) -> str:
        """Python's version without its last part, as in `3.11`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def machine(self) -> str:
        """The architecture, as in `x86_64`."""
        return self.platform.partition("-")[0]


def find_environments(state: StateFolder) -> list[LocalEnvironment]:
    """The environments of a deployment, the default one first, then by name."""
    found = [
        _environment(file.parent, json.loads(file.read_bytes()))
        for file in state.environments.glob(f"*/{DESCRIPTION}")
    ]
    return sorted(found, key=lambda item: (not item.default, item.name, item.digest))


def find_named(found: Iterable[LocalEnvironment], named: str) -> LocalEnvironment | None:
    """The environment of that name or digest; the one marked as default where none is named."""
    for environment in found:
        if named in (environment.name, environment.digest) if named else environment.default:
            return environment
    return None


def check_usable(environment: LocalEnvironment, why_no_gpu: str | None) -> None:
    """Refuse an environment that needs a GPU where there is none. Raises Invalid."""
    if environment.gpu and why_no_gpu:
        raise Invalid(f"{environment.name}: {why_no_gpu}", field="environment")


def choose_environment(
    found: Sequence[LocalEnvironment], setting: str, named: str | None = None
) -> LocalEnvironment:
    """What is named, or what the setting `default_environment` says. Raises Invalid."""
    wanted = named or setting
    chosen = find_named(found, wanted)
    if chosen is not None:
        return chosen
    if not found:
        raise Invalid("There is no environment yet: `make up` makes it.", field="environment")
    names = ", ".join(sorted(environment.name for environment in found))
    if not wanted:
        raise Invalid(f"Name an environment; there are: {names}.", field="environment")
    raise Invalid(
        f"There is no environment '{wanted[:100]}'; there are: {names}.", field="environment"
    )


def _environment(folder: Path, body: dict[str, Any]) -> LocalEnvironment:
    return LocalEnvironment(
        name=body["name"],
        digest=body["digest"],
        title=body["title"],
        python=folder / "venv/bin/python",
        version=body["python"],
        packages=body["packages"],
        foundation=body.get("foundation") or body["digest"],
        gpu=body.get("gpu", False),
        default=body.get("default", False),
        platform=body.get("platform") or usual_platform(),
    )
