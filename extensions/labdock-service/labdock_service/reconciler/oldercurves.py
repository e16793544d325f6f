"""Curves that an older Labdock kept in the folders of jobs go where a project's lie together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from labdock_service.reconciler.handing import lead
from labdock_service.statefolder import StateFolder


def move_older_curves(state: StateFolder) -> None:
    """Move them, also those of jobs that run: a link stays where they were."""
    for shown in _links(state.tensorboard):
        place = Path(os.path.normpath(shown.parent / shown.readlink()))
        if place.parents[2:3] == (state.jobs,) and place.parent.name == "tensorboard":
            project = shown.relative_to(state.tensorboard).parts[0]
            _move(place.parent, state.curves / project / place.parents[1].name)
            lead(shown, state.curves / project / place.parents[1].name / place.name)


def _links(folder: Path) -> Iterator[Path]:
    for parent, names, dangling in os.walk(folder):
        for name in (*names, *dangling):
            if (path := Path(parent, name)).is_symlink():
                yield path


def _move(older: Path, drawn: Path) -> None:
    if older.is_symlink():
        return
    drawn.parent.mkdir(parents=True, exist_ok=True)
    if older.is_dir():
        older.rename(drawn)
    older.symlink_to(os.path.relpath(drawn, older.parent), target_is_directory=True)
