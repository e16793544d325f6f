"""A worker's status.json, whole at any moment: what is known of it, whoever asks."""

import json
from pathlib import Path
from typing import Any

from labdock_service.jsonfile import write_json

NAME = "status.json"


def read(folder: Path) -> dict[str, Any] | None:
    """The status, or None where no supervisor has taken the worker on yet."""
    try:
        status = json.loads((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def write(folder: Path, status: dict[str, Any]) -> None:
    """Replace the status, and have it on the disk before returning."""
    write_json(folder / NAME, status)
