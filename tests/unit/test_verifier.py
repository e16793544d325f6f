"""When an image is verified again that was verified before, on invented GPUs."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from docker.types import DeviceRequest
from tests.support.stores import sqlite_url, upgraded

from labdock_service.engines.toolkit import request_devices
from labdock_service.images.admission import NO_GPU, Check
from labdock_service.images.recipes import RECIPES
from labdock_service.linux import host_name
from labdock_service.store import verifications
from labdock_service.verifying import Verifier

IMAGE = "registry:5000/labdock/training-gpu@sha256:" + "1" * 64


@dataclass
class Inventive(Verifier):
    """Finds the GPUs that a test invents."""

    gpus: tuple[str, ...] = ()

    def _free_gpus(self) -> list[DeviceRequest]:
        return request_devices(self.gpus, "runtime")

    def lacks(self, name: str) -> bool:
        return self._lacks(RECIPES[name], IMAGE)


@pytest.mark.parametrize(
    ("said", "gpus", "lacks"),
    [
        (NO_GPU, (), False),
        (NO_GPU, ("GPU-0",), True),
        ("over 1", ("GPU-0",), False),
    ],
)
def test_checks_that_were_not_run_are_run_once_there_is_a_gpu(
    tmp_path: Path, said: str, gpus: tuple[str, ...], lacks: bool
) -> None:
    store = upgraded(sqlite_url(tmp_path))
    verifier = Inventive(None, store, gpus=gpus)
    assert verifier.lacks("training-gpu") and verifier.lacks("training")
    check = asdict(Check("NCCL all-reduce", None if said == NO_GPU else True, said))
    with store.write() as session:
        digest = IMAGE.rpartition("@")[2]
        verifications.keep(session, digest, host_name(), [check], time.time())
    assert verifier.lacks("training-gpu") is lacks
    assert verifier.lacks("training") is False, "it has no checks of a GPU"
