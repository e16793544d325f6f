"""When an image is verified, and with which GPUs, on a machine that invents some."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docker.types import DeviceRequest
from tests.support.invented import write_nvidia_smi
from tests.support.stores import sqlite_url, upgraded

from labdock_service import processes
from labdock_service.engines.supervised import NODE
from labdock_service.engines.toolkit import Toolkit
from labdock_service.errors import EngineFailed
from labdock_service.images.admission import NO_GPU, Check
from labdock_service.images.recipes import RECIPES, Recipe
from labdock_service.store import leases
from labdock_service.verifying import Verifier

IMAGE = "registry:5000/labdock/training-gpu@sha256:" + "1" * 64


@dataclass
class Inventive(Verifier):
    """Verifies on paper; an `nvidia-smi` that a test writes invents the GPUs."""

    seen: list[list[str]] = field(default_factory=list)
    """The GPUs that each was verified with."""
    leased: list[list[str | None]] = field(default_factory=list)
    """What was leased meanwhile."""
    breaks: bool = False

    def missing(self, name: str) -> bool:
        """Verify an image that lacks it; whether it did."""
        return self._verify_missing(RECIPES[name], IMAGE) is not None

    def held(self) -> list[str | None]:
        assert self.store
        with self.store.read() as session:
            return [row.device for row in leases.held(session)]

    def _find_toolkit(self) -> Toolkit:
        return "runtime"

    def _examine(self, recipe: Recipe, image: str, gpus: list[DeviceRequest]) -> list[Check]:
        del recipe, image
        self.seen.append([uuid for request in gpus for uuid in request["DeviceIDs"]])
        self.leased.append(self.held())
        if self.breaks:
            raise EngineFailed("It could not be verified in time.")
        said = "over 1" if gpus else NO_GPU
        return [Check("NCCL all-reduce", True if gpus else None, said)]


@pytest.fixture
def verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventive:
    """On a machine with three GPUs."""
    programs = write_nvidia_smi(tmp_path, "GPU-0", "GPU-1", "GPU-2")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return Inventive(None, upgraded(sqlite_url(tmp_path)))


def take(verifier: Inventive, *devices: str) -> None:
    """Have somebody else lease these."""
    assert verifier.store
    with verifier.store.write() as session:
        assert leases.take_free(session, "another", NODE, devices, 9) == list(devices)


def test_an_image_for_gpus_is_verified_with_some_that_it_alone_has(verifier: Inventive) -> None:
    take(verifier, "GPU-0")
    assert verifier.missing("training-gpu")
    assert verifier.seen == [["GPU-1", "GPU-2"]]
    assert verifier.leased == [["GPU-0", "GPU-1", "GPU-2"]]
    assert verifier.held() == ["GPU-0"]
    assert not verifier.missing("training-gpu")


def test_checks_of_a_gpu_wait_until_one_is_free(verifier: Inventive) -> None:
    take(verifier, "GPU-0", "GPU-1", "GPU-2")
    assert verifier.missing("training-gpu"), "all its other checks"
    assert not verifier.missing("training-gpu")
    assert verifier.store
    with verifier.store.write() as session:
        leases.release(session, leases.VERIFICATION, "another")
    assert verifier.missing("training-gpu")
    assert verifier.seen == [[], ["GPU-0", "GPU-1"]]
    assert not verifier.held() and not verifier.missing("training-gpu")


def test_other_images_take_no_gpu(verifier: Inventive) -> None:
    assert verifier.missing("training") and not verifier.missing("training")
    assert verifier.seen == verifier.leased == [[]]


def test_one_that_breaks_off_gives_its_gpus_back(verifier: Inventive) -> None:
    verifier.breaks = True
    with pytest.raises(EngineFailed):
        verifier.missing("training-gpu")
    assert verifier.leased == [["GPU-0", "GPU-1"]] and not verifier.held()


def test_it_is_verified_as_long_as_its_process_lives() -> None:
    assert processes.lives(processes.own_id())
    boot, pid, started = processes.own_id().split("/")
    assert not processes.lives(f"{boot}/{pid}/{float(started) - 1}")
    assert not processes.lives(f"another/{pid}/{started}")
