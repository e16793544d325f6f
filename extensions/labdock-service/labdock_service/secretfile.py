"""Secrets that Labdock makes for itself, each in a file of its own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def keep_secret(file: Path) -> str:
    """The secret in a file that only its owner may read, made where it is missing."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600), "w") as writing:
            writing.write("-".join(secrets.token_hex(4) for _ in range(4)) + "\n")
        fresh.rename(file)
    return file.read_text().strip()
