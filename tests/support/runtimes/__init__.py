"""Runtimes of former versions, as jobs made with them have them in their images.

One was kept by `git archive COMMIT:extensions/labdock-runtime labdock_runtime | gzip -9n`, of the
last commit at which it had that version.
"""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = sorted(path.name.removesuffix(".tar.gz") for path in Path(__file__).parent.glob("*.tar.gz"))
"""The versions there are."""


def lay_out(version: str, folder: Path) -> Path:
    """Unpack a former runtime; returns its package's folder."""
    shutil.unpack_archive(Path(__file__).with_name(f"{version}.tar.gz"), folder / version)
    return folder / version / "labdock_runtime"
