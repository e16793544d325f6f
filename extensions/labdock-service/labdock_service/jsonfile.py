"""Small files of JSON that are whole at any moment, whoever reads them and whatever ends."""

import json
import os
from pathlib import Path


def write_json(file: Path, value: object) -> None:
    """Replace a file by the value, readable by this user only, and on the disk on return."""
    fresh = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600), "w") as stream:
            json.dump(value, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
