"""The checks of images for GPUs, as far as they can be looked at without one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labdock_service.images.admission import NO_GPU
from labdock_service.images.recipes import COMMON, RECIPES


@pytest.fixture
def checks() -> dict[str, Any]:
    """The names of `gpu.py`; none of its checks runs."""

    def check(_what: str) -> Callable[[Any], Any]:
        return lambda function: function

    names: dict[str, Any] = {"check": check, "Path": Path}
    exec(compile((COMMON / "gpu.py").read_text(), "gpu.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("driver", "cuda", "runs"),
    [
        (12090, "12.9.1", True),
        (12000, "12.9.1", True),  # a driver of the first 12 runs all of 12
        (13000, "12.9.1", True),
        (11080, "12.9.1", False),
        (12090, "13", False),
    ],
)
def test_the_drivers_range(checks: dict[str, Any], driver: int, cuda: str, runs: bool) -> None:
    assert checks["in_range"](driver, cuda) is runs


def test_a_drivers_number_as_people_write_it(checks: dict[str, Any]) -> None:
    assert [checks["spoken"](number) for number in (12090, 13000)] == ["12.9", "13.0"]


def test_every_library_of_nvidias_packages_is_found(checks: dict[str, Any], tmp_path: Path) -> None:
    place = tmp_path / checks["NVIDIA"]
    files = [f"{name}/lib/lib{name}.so.12" for name in checks["NEEDED"]]
    for file in (*files, "cudnn/lib/libcudnn_graph.so.9", "cudnn/lib/readme.txt"):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).touch()
    found = checks["libraries"](tmp_path)
    assert set(found) == {*checks["NEEDED"], "cudnn_graph"}
    assert checks["lacking"](found) == []
    (place / "nccl/lib/libnccl.so.12").unlink()
    assert checks["lacking"](checks["libraries"](tmp_path)) == ["nccl"]


def test_images_for_gpus_alone_have_these_checks() -> None:
    assert {name for name, recipe in RECIPES.items() if "gpu" in recipe.checks} == {
        name for name, recipe in RECIPES.items() if recipe.gpu
    }


@pytest.mark.tensorflow
@pytest.mark.skipif(bool(list(Path("/dev").glob("nvidia[0-9]*"))), reason="there is a GPU")
def test_without_a_gpu_none_of_them_is_claimed(tensorflow_python: Path) -> None:
    parts = [(COMMON / f"{name}.py").read_text() for name in ("checks", "gpu")]
    done = subprocess.run(
        [tensorflow_python, "-c", "\n".join([*parts, "finish()"])],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    ours = [one for one in found if one["check"] in GPU_CHECKS]
    assert len(ours) == len(GPU_CHECKS)
    assert {(one["passed"], one["said"]) for one in ours} == {(None, NO_GPU)}


GPU_CHECKS = {"NVIDIA driver", "CUDA libraries", "cuDNN convolution", "NCCL all-reduce"}
