"""What several test processes of one machine make once: the first makes it, the others wait."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_by_one(what: str) -> Iterator[None]:
    """Hold a lock that no other test process of this account holds."""
    with Path(tempfile.gettempdir(), f"labdock-tests-{os.getuid()}-{what}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
