"""The points of curves, as they lie in TensorFlow's files."""

from __future__ import annotations

import os
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

Point = tuple[str, str, int]


def points(folder: Path) -> list[Point]:
    """Every point of every curve: its run, its name and its step, doubled ones too."""
    found: list[Point] = []
    for file in _files(folder):
        run = os.path.relpath(file.parent, folder)
        for event in EventFileLoader(str(file)).Load():
            found += [(run, value.tag, event.step) for value in event.summary.value]
    return sorted(found)


def _files(folder: Path) -> list[Path]:
    """In links too, as TensorBoard finds them."""
    places = os.walk(folder, followlinks=True)
    return sorted(Path(place, name) for place, _, names in places for name in names)
