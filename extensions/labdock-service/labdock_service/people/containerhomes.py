"""What the host does in a home that a container is given: as little as it can.

A person's code may leave anything there, such as a link to another's home, and the host is
often root. So nothing here follows a link; what is in the way of a data root is moved aside.
What can be done by the person's own container is done there: see `entering`.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labdock_service.confinement import account
from labdock_service.folders import walk
from labdock_service.homes import root_links

PLACE = "/home/labdock"
"""Where every home lies inside its container: paths in a notebook hold for everybody."""

OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def make_places(home: Path, roots: Path, projects: Iterable[str]) -> dict[str, Path]:
    """Make the home and the places of its data roots; returns each root by its place below."""
    owner = account()
    links = root_links(roots, projects)
    for root in links.values():
        root.mkdir(parents=True, exist_ok=True)
        os.chown(root, *owner)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give(home, owner)
    with _opened(home) as folder:
        for name in ("data", "projects"):
            _ensure_folder(folder, name, owner)
        with _opened("projects", folder) as inner:
            for name in links:
                if name.startswith("projects/"):
                    _ensure_folder(inner, name.removeprefix("projects/"), owner)
    return links


def _give(home: Path, owner: tuple[int, int]) -> None:
    """Make a home that the process engine left theirs; links in it are not followed."""
    if home.stat().st_uid == owner[0]:
        return
    for entry in walk(home):
        os.chown(entry.path, *owner, follow_symlinks=False)
    os.chown(home, *owner)  # last: a home that is theirs is theirs as a whole


def _ensure_folder(parent: int, name: str, owner: tuple[int, int]) -> None:
    """Make a folder; a link or a file of that name is kept beside it."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            return
        aside = f"{name}.aside-{secrets.token_hex(3)}"
        os.rename(name, aside, src_dir_fd=parent, dst_dir_fd=parent)
    except FileNotFoundError:
        pass
    os.mkdir(name, 0o755, dir_fd=parent)
    os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)


@contextmanager
def _opened(name: Path | str, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, OPENED, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
