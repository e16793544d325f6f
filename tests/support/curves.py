"""The points of curves, as they lie in TensorFlow's files."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

Point = tuple[str, str, int]


def points(folder: Path) -> list[Point]:
    """Every point of every curve: its run, its name and its step, doubled ones too."""
    found: list[Point] = []
    for file in sorted(folder.rglob("events.out.tfevents.*")):
        run = str(file.parent.relative_to(folder))
        for event in EventFileLoader(str(file)).Load():
            found += [(run, value.tag, event.step) for value in event.summary.value]
    return sorted(found)
