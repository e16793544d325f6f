"""Jobs' images and first lines on the Docker engine, beside Docker's own builders."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.bench import packages, starting
from tests.bench.builders import NEW_SET, Builder
from tests.bench.contenders import FIRST_WORDS
from tests.bench.measure import Series, interleave
from tests.support.deployment import Deployment
from tests.support.imagedeployment import running_on_images
from tests.support.images import logged_in
from tests.support.registry import LOGIN

from labdock.schema import Requirements
from labdock_service.images.layout import BuiltImages
from labdock_service.packaging.environments import PinnedEnvironment, find_environments
from labdock_service.registry import RegistryPlace
from labdock_service.statefolder import StateFolder

OURS, KIT, CLASSIC = "Labdock", "BuildKit", "the classic builder"
REQUIRED = Requirements(lines=NEW_SET, origin="requirements.txt")
TENSORFLOWS = 616.0
"""Megabytes that Docker Hub lists for TensorFlow's own image of 2.21, compressed."""


def measure(prepared: StateFolder, rounds: int) -> dict[str, list[Series]]:
    """A changed line and a new set, pushed; a first line; and what all of it weighs."""
    with (
        tempfile.TemporaryDirectory(prefix="labdock-bench-") as name,
        running_on_images(prepared, Path(name)) as deployment,
    ):
        folder = Path(name)
        ours, kit, classic = _contenders(deployment, folder)
        try:
            kit.change(), classic.change(), ours.change()  # the base is pushed with the first
            return {
                "pushing, bytes": _weighed(folder / "registry/registry", ours, kit, classic),
                "pushing": _changes(ours, kit, classic, rounds),
                "pushing, new set": _new_sets(ours, kit, max(3, rounds // 3)),
                "starting, containers": _first_lines(deployment, kit, folder / "project", rounds),
                "image": list(_sizes(prepared)),
            }
        finally:
            kit.remove()
            classic.remove()


@dataclass(frozen=True)
class Packager:
    """Labdock's packaging, as a packaging process does it."""

    state: StateFolder
    environment: PinnedEnvironment
    place: RegistryPlace
    numbers: Iterator[int] = field(default_factory=count)

    def change(self) -> float:
        """Seconds that a changed line takes, packaged and pushed."""
        return self._packaged(Requirements(), "labdock/jobs/bench")

    def new_set(self, *, cold: bool) -> float:
        """The same for new packages, into a repository that has no layer yet."""
        packages.forget_layers(self.state, cold=cold)
        return self._packaged(REQUIRED, f"labdock/jobs/bench{next(self.numbers)}")

    def _packaged(self, requirements: Requirements, repository: str) -> float:
        return packages.packaged(
            self.state,
            requirements,
            environment=self.environment,
            registry=self.place,
            repository=repository,
        )


def _contenders(deployment: Deployment, folder: Path) -> tuple[Packager, Builder, Builder]:
    address = deployment.settings["LABDOCK_DOCKER__REGISTRY"]
    login = logged_in(folder / "login", address)
    [environment] = (item for item in find_environments(deployment.state, "image") if item.default)
    place = RegistryPlace(address, LOGIN)
    ours = Packager(StateFolder(folder / "packaging"), environment, place)
    return (
        ours,
        Builder(True, address, folder / "kit", login),
        Builder(False, address, folder / "classic", login),
    )


def _changes(ours: Packager, kit: Builder, classic: Builder, rounds: int) -> list[Series]:
    contenders = {OURS: ours.change, KIT: kit.change, CLASSIC: classic.change}
    return list(interleave(contenders, rounds, "s").values())


def _new_sets(ours: Packager, kit: Builder, rounds: int) -> list[Series]:
    contenders = {
        f"{OURS}, cold": lambda: ours.new_set(cold=True),
        f"{KIT}, cold": lambda: kit.new_set(cold=True),
        f"{OURS}, warm": lambda: ours.new_set(cold=False),
        f"{KIT}, warm": lambda: kit.new_set(cold=False),
    }
    return list(interleave(contenders, rounds, "s").values())


def _first_lines(deployment: Deployment, kit: Builder, folder: Path, rounds: int) -> list[Series]:
    folder.mkdir()
    script = folder / "script.py"
    os.environ |= {"LABDOCK_URL": f"{deployment.url}/services/labdock"}
    os.environ |= {"LABDOCK_TOKEN": deployment.labdock("token", "admin").stdout.strip()}

    def again() -> float:
        return starting.submitted(script)

    def changed() -> float:
        script.write_text(f"print({FIRST_WORDS!r}, flush=True)  # {time.time_ns()}\n")
        return again()

    changed()
    contenders = {
        f"{OURS}, a changed script": changed,
        f"{OURS}, the same again": again,
        f"{KIT}, push and run": kit.change_and_run,
    }
    return list(interleave(contenders, rounds, "s").values())


def _weighed(stored: Path, ours: Packager, kit: Builder, classic: Builder) -> list[Series]:
    """What the registry holds more after each, in kilobytes."""
    changes = {OURS: ours.change, KIT: kit.change, CLASSIC: classic.change}
    sets = {OURS: lambda: ours.new_set(cold=True), KIT: lambda: kit.new_set(cold=True)}
    return [
        Series(f"{name}, {what}", "kB", (_growth(stored, run),))
        for what, contenders in (("a changed line", changes), ("a new set", sets))
        for name, run in contenders.items()
    ]


def _growth(stored: Path, run: Callable[[], float]) -> float:
    before = _blobs(stored)
    run()
    return (_blobs(stored) - before) / 1e3


def _blobs(stored: Path) -> int:
    return sum(file.stat().st_size for file in stored.glob("docker/registry/v2/blobs/**/data"))


def _sizes(prepared: StateFolder) -> Iterator[Series]:
    image = BuiltImages(prepared).find("training")
    assert image
    yield Series("Labdock's training image, compressed", "megabytes", (image.compressed / 1e6,))
    yield Series("Labdock's training image, unpacked", "megabytes", (image.unpacked / 1e6,))
    yield Series("TensorFlow's own of 2.21, compressed, as listed", "megabytes", (TENSORFLOWS,))
