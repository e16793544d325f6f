"""Labdock's own packages as wheels, built from the checkout: hatchling makes them reproducible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from labdock_service.bootstrap import CHECKOUT
from labdock_service.errors import ServiceError


def build_wheels(packages: tuple[str, ...], target: Path) -> list[Path]:
    """Build a wheel of each package into a folder."""
    for name in packages:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
        done = subprocess.run(
            command,
            cwd=CHECKOUT / "extensions" / name,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ServiceError(f"The package {name} could not be built: {last}")
    return sorted(target.glob("*.whl"))
