"""One step of an installation: a program that runs to its end, or a sentence that says why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from labdock_service.errors import ServiceError
from labdock_service.nodejs import node


class InstallationFailed(ServiceError):
    """A part could not be installed; the message says why, for the admin."""

    code = "installation_failed"


def run_step(command: list[str], *, cwd: Path | None = None, quiet: bool = False) -> str:
    """Run a step; returns what it printed. Raises InstallationFailed with its last line."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    }
    kept["PATH"] = f"{node().parent}{os.pathsep}{kept.get('PATH', '')}"
    shown = None if sys.stderr.isatty() and not quiet else subprocess.PIPE
    done = subprocess.run(
        command, cwd=cwd, env=kept, stdout=subprocess.PIPE, stderr=shown, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout or "").strip().splitlines()
        program = Path(command[0]).name
        reason = said[-1].strip() if said else f"{program} ended with code {done.returncode}"
        raise InstallationFailed(f"The set-up did not succeed: {reason}")
    return done.stdout
