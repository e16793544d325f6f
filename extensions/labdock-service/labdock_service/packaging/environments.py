"""Environments of kind `local`: read-only virtual environments in the state folder."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def _environment(folder: Path, body: dict[str, Any]) -> LocalEnvironment:
    return LocalEnvironment(
        name=body["name"],
        digest=body["digest"],
        title=body["title"],
        python=folder / "venv/bin/python",
        version=body["python"],
        packages=body["packages"],
        default=body.get("default", False),
        platform=body.get("platform") or usual_platform(),
    )
