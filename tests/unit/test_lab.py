"""JupyterLab's extension: its models by Node.js's own test runner, and that it is built whole."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.lab import tools
from tests.support.onebyone import one_by_one

from labdock_service import labextension
from labdock_service.images.wheels import build_wheels
from labdock_service.labextension import PACKAGE
from labdock_service.nodejs import node

pytestmark = pytest.mark.timeout(600)


def test_the_models() -> None:
    with one_by_one("lab-modules"):
        tools.ensure_modules()
    done = subprocess.run(
        [str(node()), "--test", "tests/*.test.ts"],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_built_to_the_same_bytes_anywhere_and_small(tmp_path: Path) -> None:
    wheels = []
    for name in ("one", "another-place"):
        (tmp_path / name).mkdir()
        [wheel] = build_wheels((labextension.NAME,), tmp_path / name, tmp_path / name, print)
        wheels.append(wheel.read_bytes())
    assert wheels[0] == wheels[1]
    with zipfile.ZipFile(io.BytesIO(wheels[0])) as archive:
        names = archive.namelist()
    place = "share/jupyter/labextensions/labdock-lab/static/remoteEntry."
    assert [place in name for name in names].count(True) == 1
    built = labextension.ensure_labextension(tmp_path / "one", print)
    assert not (built / "node_modules").exists()
    assert tools.compressed(built) < tools.MOST_SCRIPT
