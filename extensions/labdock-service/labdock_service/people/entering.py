"""The first program of a person's container: fills their home, then becomes their server.

It runs as the person, inside: whatever they left in their home, it can touch nothing else.
The image knows nothing of it; the spawner mounts this package into it, read-only, and it uses
the standard library alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from labdock_service import homes

EXAMPLES = Path("/opt/labdock/examples")
IN_THE_WAY = (OSError, subprocess.CalledProcessError)
"""A full disk, or what the person left where something belongs: the server starts all the same."""


def main(arguments: list[str]) -> None:
    """`DIGEST TITLE ARGUMENT…`: of the environment its digest, its title, what its Python runs."""
    digest, title, *become = arguments
    os.environ.pop("PYTHONPATH", None)  # it led here
    home = Path.home()
    with suppress(*IN_THE_WAY):
        (home / homes.OWN).mkdir(mode=0o700, exist_ok=True)
        homes.welcome(home, EXAMPLES)
    with suppress(*IN_THE_WAY):
        _use_overlay(homes.make_overlay(home, Path(sys.prefix), title, digest))
    os.chdir(home)
    os.execv(sys.executable, [sys.executable, *become])


def _use_overlay(overlay: homes.Overlay) -> None:
    programs = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = f"{overlay.path}{os.pathsep}{programs}"
    os.environ["JUPYTER_PATH"] = str(overlay.jupyter_path)


if __name__ == "__main__":
    main(sys.argv[1:])
