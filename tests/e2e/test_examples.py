"""Each example does what its README says: its `verify` runs in the environment that people get."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.deployment import CHECKOUT

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]

EXAMPLES = sorted((CHECKOUT / "examples").iterdir())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example(example: Path, tensorflow_python: Path, tmp_path: Path) -> None:
    """In a copy, so that what it writes is in nobody's way."""
    assert (example / "README.md").exists()
    copy = shutil.copytree(example, tmp_path / example.name)
    path = f"{tensorflow_python.parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABDOCK_")}
    done = subprocess.run(
        [tensorflow_python, copy / "verify"],
        cwd=copy,
        env=kept | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
