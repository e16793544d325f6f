"""A worker's status.json, whole at any moment: what is known of it, whoever asks."""

import json
import os
from pathlib import Path
from typing import Any

from labdock_service.jsonfile import write_json

NAME = "status.json"


def read(folder: Path) -> dict[str, Any] | None:
    """The status, or None where no supervisor has taken the worker on yet."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            status = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def write(folder: Path, status: dict[str, Any]) -> None:
    """Replace the status, and have it on the disk before returning."""
    write_json(folder / NAME, status)
