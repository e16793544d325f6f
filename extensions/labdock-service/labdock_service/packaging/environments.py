"""Environments: what notebooks and jobs start from, each described in the state folder.

One of kind `local` is a read-only virtual environment there; one of kind `image` is a pair of
images in a registry, for notebooks and for training.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from labdock_service.errors import Invalid
from labdock_service.statefolder import StateFolder

DESCRIPTION = "environment.json"
BOARD_RECORD = "tensorboard.json"

Kind = Literal["local", "image"]
"""What an environment is: a virtual environment for processes, or images for containers."""


def board_record(state: StateFolder) -> Path:
    """The record of TensorBoard's image."""
    return state.environments / BOARD_RECORD


def board_image(state: StateFolder) -> str | None:
    """The image of projects' TensorBoards, as `HOST:PORT/REPOSITORY@DIGEST`; None without one."""
    try:
        return str(json.loads(board_record(state).read_bytes())["image"])
    except FileNotFoundError:
        return None


def usual_platform() -> str:
    """Which wheels an environment takes that does not say: those for glibc 2.28 or newer.

    It is the same on every machine of an architecture, so that a lock installs the same
    wheels on all of them, and no newer than any system that TensorFlow's wheels run on.
    """
    return f"{platform.machine()}-manylinux_2_28"


@dataclass(frozen=True, kw_only=True)
class PinnedEnvironment:
    """What notebooks and jobs start from, named by its digest or that of its training image."""

    name: str
    digest: str
    title: str
    python: Path
    """Its interpreter; one of this machine for an image, whose own cannot be run here."""
    site_packages: Path
    """Where what its packages say of themselves can be read."""
    version: str
    """Python's version, in full."""
    packages: dict[str, str]
    foundation: str
    """Digest of what it holds besides Labdock's own packages: locks hold for as long."""
    default: bool = False
    platform: str = field(default_factory=usual_platform)
    """Platform tag of the wheels it takes, as uv writes it."""
    notebook: str = ""
    """The image of people's servers, as `HOST:PORT/REPOSITORY@DIGEST`."""
    training: str = ""
    """The image that jobs' images begin with."""
    gpu: bool = False
    """Whether it needs a GPU."""

    @property
    def images(self) -> tuple[str, ...]:
        """The digests of its images; none of one that is no images."""
        names = (self.notebook, self.training)
        return tuple(name.rpartition("@")[2] for name in names if name)

    @property
    def minor(self) -> str:
        """Python's version without its last part, as in `3.11`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def machine(self) -> str:
        """The architecture, as in `x86_64`."""
        return self.platform.partition("-")[0]


def find_environments(state: StateFolder, kind: Kind) -> list[PinnedEnvironment]:
    """The environments that an engine can start, the default one first, then by name."""
    described = (
        (file.parent, json.loads(file.read_bytes()))
        for file in state.environments.glob(f"*/{DESCRIPTION}")
    )
    found = [
        _environment(folder, body)
        for folder, body in described
        if body.get("kind", "local") == kind
    ]
    return sorted(found, key=lambda item: (not item.default, item.name, item.digest))


def find_named(found: Iterable[PinnedEnvironment], named: str) -> PinnedEnvironment | None:
    """The environment of that name or digest; the one marked as default where none is named."""
    for environment in found:
        if named in (environment.name, environment.digest) if named else environment.default:
            return environment
    return None


def check_usable(environment: PinnedEnvironment, why_not: str | None) -> None:
    """Refuse an environment where a sentence says why it cannot be used. Raises Invalid."""
    if why_not:
        raise Invalid(f"{environment.name}: {why_not}", field="environment")


def choose_environment(
    found: Sequence[PinnedEnvironment], setting: str, named: str | None = None
) -> PinnedEnvironment:
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


def _environment(folder: Path, body: dict[str, Any]) -> PinnedEnvironment:
    is_image = body.get("kind") == "image"
    minor = ".".join(body["python"].split(".")[:2])
    installed = f"venv/lib/python{minor}/site-packages"
    return PinnedEnvironment(
        name=body["name"],
        digest=body["digest"],
        title=body["title"],
        python=Path(sys.executable) if is_image else folder / "venv/bin/python",
        site_packages=folder / ("site-packages" if is_image else installed),
        version=body["python"],
        packages=body["packages"],
        foundation=body.get("foundation") or body["digest"],
        gpu=body.get("gpu", False),
        default=body.get("default", False),
        platform=body.get("platform") or usual_platform(),
        notebook=body.get("notebook", ""),
        training=body.get("training", ""),
    )
