"""`verify`: an image is admitted by a script that runs inside it, as people's containers run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest
from requests.exceptions import ConnectionError as NoAnswer
from requests.exceptions import ReadTimeout

from labdock_service.confinement import CONFINED
from labdock_service.engines.dockerd import VERIFIER, end_container
from labdock_service.errors import EngineFailed, Invalid
from labdock_service.images.recipes import COMMON, RECIPES, Recipe
from labdock_service.processes import own_id
from labdock_service.serving.servers import ServerImage

PATIENCE = 600
"""Seconds that a `verify` may take."""

SOMEBODY = 54_321
"""A user that no image knows: images work under any."""

USERS = (1000, SOMEBODY)
HOME = "/home/labdock"
LABEL = "labdock.image"
"""The label of an image that Labdock built; its value is the recipe's name."""

NO_GPU = "not run: no GPU"
"""What the checks of a GPU say where there is none for them, in `images/common/gpu.py` too."""

LITTLE = 256
"""The share of CPUs that a `verify` has beside people's work, which has 1024."""


@dataclass(frozen=True)
class Check:
    """What one check found; `passed` is None where it could not run, and `said` says why."""

    check: str
    passed: bool | None
    said: str

    def __str__(self) -> str:
        return f"{self.check}: {self.said}"


def recipe_of(client: DockerClient, image: str) -> Recipe | None:
    """The recipe of an image that Docker has; None for one that Labdock did not build."""
    labels = client.images.get(image).labels
    return RECIPES.get(labels.get(LABEL, ""))


def verify(
    client: DockerClient,
    recipe: Recipe,
    image: str,
    user: int = 1000,
    *,
    gpus: Sequence[DeviceRequest] = (),
    name: str = "",
) -> list[Check]:
    """Run an image's `verify` in it, with these GPUs; the checks.

    What ends without a word has failed. Raises EngineFailed where it could not be run to its end.
    """
    name = name or f"labdock-verify-{recipe.name}-{time.monotonic_ns()}"
    _remove(client, name)  # of one who was killed meanwhile
    container = client.containers.create(
        image,
        ["python", "-c", script(recipe)],
        name=name,
        user=f"{user}:{user}",
        entrypoint=[],
        network_mode="none",
        pids_limit=512,
        init=True,
        cpu_shares=LITTLE,
        tmpfs={"/tmp": "mode=1777", HOME: "mode=1777"},
        device_requests=list(gpus),
        environment={"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        labels={VERIFIER: own_id()},
        **CONFINED,
    )
    try:
        return _checks(container, recipe)
    finally:
        _remove(client, name)


def verify_server(client: DockerClient, server: ServerImage, *, name: str) -> list[Check]:
    """Have a model server say its version, confined as where it serves; the checks.

    Raises EngineFailed where it could not be run to its end.
    """
    _remove(client, name)  # of one who was killed meanwhile
    container = client.containers.create(
        server.image,
        ["--version"],
        name=name,
        user=f"{SOMEBODY}:{SOMEBODY}",
        entrypoint=["tensorflow_model_server"],
        network_mode="none",
        pids_limit=512,
        init=True,
        tmpfs={"/tmp": "mode=1777"},
        **CONFINED,
    )
    try:
        code = _run(container, server.name)
        return _server_checks(server, code, container.logs().decode(errors="replace"))
    finally:
        _remove(client, name)


def _server_checks(server: ServerImage, code: int, said: str) -> list[Check]:
    lines = said.strip().splitlines()
    if code:
        words = f": {lines[-1][:150]}" if lines else ""
        return [Check("the program", False, f"it ended with exit code {code}{words}")]
    found = re.search(r"TensorFlow Library: (\d+\.\d+)\S*", said)
    right = found is not None and server.tensorflow.split(".")[:2] == found[1].split(".")
    words = found[0] if found else "it does not say it"
    program = re.search(r"TensorFlow ModelServer: \S+", said)
    claimed = "" if right else f", and images/lock.toml says {server.tensorflow}"
    return [
        Check("the program", True, program[0] if program else "it starts"),
        Check("its TensorFlow", right, f"{words}{claimed}"),
    ]


def examine(
    client: DockerClient,
    recipe: Recipe,
    image: str,
    *,
    gpus: Sequence[DeviceRequest] = (),
    name: str = "",
) -> list[Check]:
    """Verify an image as its own user and as somebody else; of each check the worse."""
    found: dict[str, Check] = {}
    for user in USERS:
        for check in verify(client, recipe, image, user, gpus=gpus, name=name):
            known = found.get(check.check)
            if known is None or (known.passed is not False and check.passed is not True):
                found[check.check] = _as_user(check, user) if user == SOMEBODY else check
    return list(found.values())


def refuse_failures(name: str, checks: Iterable[Check]) -> None:
    """Raise Invalid with the checks that keep an image out."""
    failed = [str(check) for check in checks if check.passed is False]
    if failed:
        raise Invalid(f"The image {name} is not admitted. {'; '.join(failed)}.")


def _as_user(check: Check, user: int) -> Check:
    return replace(check, said=f"as user {user}, {check.said}") if check.passed is False else check


def _remove(client: DockerClient, container: str) -> None:
    with suppress(NotFound):
        end_container(client.containers.get(container))


def script(recipe: Recipe) -> str:
    """An image's `verify` with what stands before it."""
    parts = [COMMON / f"{name}.py" for name in recipe.checks]
    return "\n".join(path.read_text() for path in [*parts, recipe.folder / "verify"])


def _run(container: Container, image: str) -> int:
    """Its exit code. Raises EngineFailed where it has none."""
    try:
        container.start()
        return int(container.wait(timeout=PATIENCE)["StatusCode"])
    except (NoAnswer, ReadTimeout):
        raise EngineFailed(f"The image {image} could not be verified in time.") from None
    except APIError as error:
        reason = f"could not be started to be verified: {error.explanation}"
        raise EngineFailed(f"The image {image} {reason}") from None


def _checks(container: Container, recipe: Recipe) -> list[Check]:
    code = _run(container, recipe.name)
    lines = container.logs(stderr=False).decode(errors="replace").strip().splitlines()
    try:
        return [Check(**found) for found in json.loads(lines[-1])]
    except (IndexError, ValueError, TypeError):
        said = container.logs().decode(errors="replace").strip().splitlines()[-1:]
        words = f"and its last words were: {said[0][:150]}" if said else "and said nothing"
        return [Check("verify itself", False, f"it broke off with exit code {code} {words}")]
