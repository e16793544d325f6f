"""Running uv, and saying in a sentence why it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from labdock_service.errors import PackagingFailed

INDEX_SETTINGS = (
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_KEYRING",
    "UV_HTTP", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_OFFLINE", "UV_INSECURE_HOST",
)  # fmt: skip
"""Variables of uv that say how to reach an index; its others stay out of packaging."""

NO_ANSWER = re.compile(
    r"error sending request|dns error|connect error|timed out|timeout|Request failed after"
    r"|network (?:was|is) disabled|Could not connect|connection (?:reset|closed)"
)


class UvFailed(Exception):
    """uv ended with an error; `output` is what it said."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def run_uv(
    arguments: Sequence[str | Path], *, cache: Path, text: str = "", held: Sequence[int] = ()
) -> tuple[str, str]:
    """Run uv with some text as its input; what it wrote to its output and its errors.

    `held` are descriptors that it keeps open while it runs.
    """
    done = subprocess.run(
        [_program(), *arguments, "--cache-dir", cache],
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        env=_environment(),
        umask=0o022,
        pass_fds=tuple(held),
        check=False,
    )
    if done.returncode:
        raise UvFailed(done.stderr)
    return done.stdout, done.stderr


def refuse_trouble(output: str) -> None:
    """Raise PackagingFailed where uv failed for a reason outside of the requirements."""
    if re.search(r"No space left on device|Disk quota exceeded", output):
        raise PackagingFailed(DISK_FULL)
    if NO_ANSWER.search(output):
        raise PackagingFailed(
            "The package index does not answer, so the dependencies cannot be fetched: see that "
            "the network is up, and try again."
        )
    if "hash mismatch" in output.lower():
        raise PackagingFailed(
            "The package index sent a file that differs from the locked one: renew the lock."
        )


DISK_FULL = "The disk that holds Labdock's state is full: free some space and try again."


def _program() -> str:
    """uv as installed beside the service, or else the machine's."""
    try:
        return find_uv_bin()
    except FileNotFoundError:
        found = shutil.which("uv")
        if found is None:
            raise PackagingFailed("uv is missing from the service's installation.") from None
        return found


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("UV_") or name.startswith(INDEX_SETTINGS)
    }
    return {**kept, "UV_NO_WRAP": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
