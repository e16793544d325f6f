"""What of a state folder goes into a backup, by its path there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from labdock_service.folders import walk
from labdock_service.packaging.environments import BOARD_RECORD
from labdock_service.statefolder import StateFolder

DATABASE = "labdock.sqlite"
HUB_DATABASE = "hub/jupyterhub.sqlite"
DATABASES = frozenset({DATABASE, HUB_DATABASE})
SETTINGS = "labdock.toml"
"""The copy of the settings' file."""

SMALL = ("hub", "secret-keys", "password", "team-password")
"""What the databases are of no use without: keys and passwords."""

PEOPLES = ("homes", "roots")
"""People's homes, and the data roots that are linked into them."""

MADE_AGAIN = ("venvs", "proxy", "cache", "run", "logs")
"""What `labdock up` makes again, and what tells of processes that are elsewhere or over."""

BY_REFERENCE = ("registry",)
"""Images in a registry: the databases name them by digest."""

_OF_A_PROCESS = ("lock", "control", "tmp", "home")
"""What of a worker's folder is of no use when it has ended."""


def parts(state: StateFolder, *, homes: bool) -> Iterator[str]:
    """The entries of the state folder that a whole backup holds."""
    own = (state.backups.name, state.replaced.name, SETTINGS)
    left_out = {*MADE_AGAIN, *BY_REFERENCE, *own, *(() if homes else PEOPLES)}
    for entry in sorted(state.root.iterdir()):
        if entry.name not in left_out and not entry.name.startswith((".", DATABASE)):
            yield entry.name


def wanted(environments: Collection[str]) -> Callable[[str], bool]:
    """Whether a path in the state folder is to be kept: of environments only those named."""
    folders = {digest.removeprefix("sha256:") for digest in environments}

    def decide(path: str) -> bool:
        match path.split("/"):
            case ["hub", name, *_]:
                return not name.startswith(("jupyterhub.sqlite", "."))
            case ["workers", _, name, *_]:
                return name not in _OF_A_PROCESS
            case ["environments", name, *_]:
                return name in folders or name == BOARD_RECORD
            case _:
                return True

    return decide


def size_of(folder: Path, name: str, decide: Callable[[str], bool]) -> int:
    """Bytes below an entry, as far as they are kept."""
    place = folder / name
    if place.is_symlink() or not place.is_dir():
        return place.lstat().st_size if place.exists() and decide(name) else 0
    total = 0
    for entry in walk(place):
        path = name + entry.path.removeprefix(str(place))
        with suppress(FileNotFoundError):  # deleted since its folder was listed
            if not entry.is_dir(follow_symlinks=False) and decide(path):
                total += entry.stat(follow_symlinks=False).st_size
    return total
