"""Labdock's own packages as wheels, built from the checkout: hatchling makes them reproducible."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from labdock_service import labextension
from labdock_service.bootstrap import CHECKOUT
from labdock_service.errors import ServiceError


def build_wheels(
    packages: tuple[str, ...], target: Path, cache: Path, report: Callable[[str], None]
) -> list[Path]:
    """Build a wheel of each package into a folder; the cache keeps what is built on the way."""
    for name in packages:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
        done = subprocess.run(
            command,
            cwd=_folder(name, cache, report),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ServiceError(f"The package {name} could not be built: {last}")
    return sorted(target.glob("*.whl"))


def _folder(name: str, cache: Path, report: Callable[[str], None]) -> Path:
    if name == labextension.NAME:
        return labextension.ensure_labextension(cache, report)
    return CHECKOUT / "extensions" / name
