"""What an image holds, as syft finds it: an SPDX document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from labdock_service.errors import ServiceError
from labdock_service.images.layout import BuiltImage


def make_sbom(image: BuiltImage, target: Path) -> int:
    """Write the SBOM of an image of the local Docker; the number of packages in it."""
    program = Path(sys.executable).with_name("syft")
    named = ["--source-name", f"labdock/{image.name}", "--source-version", image.digest]
    done = subprocess.run(
        [program, "scan", f"docker:{image.id}", *named, "--quiet", "-o", f"spdx-json={target}"],
        env={**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ServiceError(f"syft did not succeed on the image {image.name}: {said[-1]}")
    return len(json.loads(target.read_bytes())["packages"])
