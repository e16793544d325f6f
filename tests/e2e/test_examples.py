"""Each example does what its README says: its `verify` runs in the environment that people get."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.deployment import CHECKOUT

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]

EXAMPLES = sorted((CHECKOUT / "examples").iterdir())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example(example: Path, environment: Path) -> None:
    assert (example / "README.md").exists()
    path = f"{environment / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABDOCK_")}
    done = subprocess.run(
        [environment / "venv/bin/python", example / "verify"],
        env=kept | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
