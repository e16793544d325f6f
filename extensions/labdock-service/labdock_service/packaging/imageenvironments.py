"""Environments of kind `image`: a pair of pinned images, for notebooks and for training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labdock_service.errors import Invalid
from labdock_service.packaging.environments import DESCRIPTION
from labdock_service.statefolder import StateFolder


@dataclass(frozen=True, kw_only=True)
class ImageEnvironment:
    """What a person's server and jobs start from on the Docker engine."""

    name: str
    title: str
    digest: str
    """The training image's."""
    notebook: str
    """The notebook image with its digest, as Docker takes it."""
    training: str
    version: str
    """Python's version, in full."""
    packages: dict[str, str]
    gpu: bool = False
    """Whether it is made for machines with a GPU."""
    default: bool = False


def find_image_environments(state: StateFolder) -> list[ImageEnvironment]:
    """The environments of a deployment, the default one first, then by name."""
    bodies = (json.loads(f.read_bytes()) for f in state.environments.glob(f"*/{DESCRIPTION}"))
    found = [_environment(body) for body in bodies if body.get("kind") == "image"]
    return sorted(found, key=lambda item: (not item.default, item.name, item.digest))


def choose_image_environment(
    found: Sequence[ImageEnvironment], setting: str, named: str = ""
) -> ImageEnvironment:
    """What is named, or what the setting `default_environment` says. Raises Invalid."""
    if not found:
        raise Invalid(
            "There is no environment yet: `labdock images build` makes it.", field="environment"
        )
    wanted = named or setting
    for environment in found:
        if not wanted or wanted in (environment.name, environment.digest):
            return environment
    names = ", ".join(sorted(environment.name for environment in found))
    raise Invalid(
        f"There is no environment '{wanted[:100]}'; there are: {names}.", field="environment"
    )


def _environment(body: dict[str, Any]) -> ImageEnvironment:
    return ImageEnvironment(
        name=body["name"],
        title=body["title"],
        digest=body["digest"],
        notebook=body["notebook"],
        training=body["training"],
        version=body["python"],
        packages=body["packages"],
        gpu=body.get("gpu", False),
        default=body.get("default", False),
    )
