"""A worker's status.json, whole at any moment: what is known of it, whoever asks.

In a container the worker could write it too, so whoever reads it takes nothing for granted.
"""

import json
import os
from pathlib import Path
from typing import Any

from labdock_service.jsonfile import write_json
from labdock_service.plainfile import read_plain

NAME = "status.json"
STATES = ("starting", "running", "ended")
LONGEST = 4096
"""Bytes; what is overwritten in place has always as many."""


def read(folder: Path) -> dict[str, Any] | None:
    """The status, or None where no supervisor has taken the worker on yet."""
    try:
        status = json.loads(read_plain(folder / NAME, LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    known = isinstance(status, dict) and status.get("state") in STATES
    return status if known else None


def write(folder: Path, status: dict[str, Any]) -> None:
    """Replace the status, and have it on the disk before returning."""
    write_json(folder / NAME, status)


def overwrite(folder: Path, status: dict[str, Any]) -> None:
    """The same where the file cannot be replaced: it is mounted into a container by itself."""
    text = json.dumps(status).encode().ljust(LONGEST)
    with (folder / NAME).open("r+b", buffering=0) as file:
        file.write(text)
        os.fsync(file.fileno())
