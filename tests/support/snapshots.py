"""A person's project folder, and a source taken of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from labdock.dependencies import Installed
from labdock.errors import Mistake
from labdock.schema import Environment
from labdock.snapshot import Taken, take

ENVIRONMENT = Environment(
    name="small",
    digest="sha256:" + "0" * 64,
    title="Small",
    kind="local",
    python="3.11.7",
    packages={},
)
NOTHING = Installed(modules={}, versions={})

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def taken(place: Path, entry: str = "train.py", **options: Any) -> Taken:
    options = {"limit": 10**9, "environment": ENVIRONMENT, "installed": lambda: NOTHING, **options}
    return take(place / entry, **options)


def paths(result: Taken) -> list[str]:
    return [file.path for file in result.source.files]


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())


def refused(place: Path, entry: str = "train.py", **options: Any) -> str:
    with pytest.raises(Mistake) as caught:
        taken(place, entry, **options)
    message = str(caught.value)
    assert str(place) not in message
    return message
