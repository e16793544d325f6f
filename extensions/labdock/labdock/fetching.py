"""Copies of jobs' files in a person's home: what they changed there is never written over."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile

import msgspec

from labdock import wording
from labdock.client import Client
from labdock.errors import Mistake
from labdock.schema import Job
from labdock.serverschema import FetchedFile

FOLDER = "labdock-jobs"
"""Where copies lie in a home, in a folder for each job."""
KEPT_FREE = 50_000_000
"""Bytes of the disk that a copy leaves for notebooks to be saved."""
RECORD = ".labdock-copies.json"
"""In a job's folder: of what each copy is one, by its own path."""


class NoRoom(Mistake):
    """The disk has not enough room for a copy."""


@dataclass(frozen=True)
class Origin:
    """The job's file that a copy is of, and its SHA-256 when it came."""

    path: str
    digest: str


def fetch(client: Client, home: Path, job_id: str, path: str) -> FetchedFile:
    """Bring one of a job's files into the home. Raises LabdockError, and OSError.

    A copy that is as it came is renewed; beside one that was changed another is made. A file
    that would fill the disk is refused before any of it is read.
    """
    inside = PurePosixPath(path)
    if inside.is_absolute() or not inside.parts or {"..", RECORD} & set(inside.parts):
        raise Mistake(f"'{path[:200]}' is no file of a job.")
    folder = home / FOLDER / folder_name(client.job(job_id))
    place = folder / inside
    if not place.parent.resolve().is_relative_to(home.resolve()):
        raise Mistake(f"{FOLDER} leads out of your home: a link is in the way.")
    place.parent.mkdir(parents=True, exist_ok=True)
    with client.download(job_id, path) as download:
        _check_room(place, download.size or 0)
        fresh, digest = _receive(place.parent, download)
    try:
        kept = _put(folder, place, fresh, Origin(inside.as_posix(), digest))
    finally:
        fresh.unlink(missing_ok=True)
    beside = place.relative_to(home).as_posix() if kept != place else None
    return FetchedFile(path=kept.relative_to(home).as_posix(), beside=beside)


def folder_name(job: Job) -> str:
    """What the folder of a job's copies is called."""
    readable = re.sub(r"[^\w.=+-]+", "-", job.name)[:60].strip("-.")
    return f"{readable}-{job.id}" if readable else job.id


def _check_room(place: Path, size: int) -> None:
    """Raise NoRoom where the copy would leave too little of the disk free."""
    free = shutil.disk_usage(place.parent).free
    if size + KEPT_FREE > free:
        left = wording.size(free)
        raise NoRoom(
            f"{place.name} has {wording.size(size)}, and the disk of your home has {left} left: "
            "delete something there, or download the file to your own machine."
        )


def _receive(folder: Path, pieces: Iterable[bytes]) -> tuple[Path, str]:
    """Write a new file whole before it gets its name; its digest."""
    hashed = hashlib.sha256()
    with NamedTemporaryFile(dir=folder, prefix=".labdock-", delete=False) as file:
        fresh = Path(file.name)
        try:
            for piece in pieces:
                hashed.update(piece)
                file.write(piece)
        except BaseException:
            fresh.unlink()
            raise
    return fresh, hashed.hexdigest()


def _put(folder: Path, place: Path, fresh: Path, origin: Origin) -> Path:
    """Name the new file so that nothing a person wrote, and no other copy, is lost."""
    fresh.chmod(0o644)
    copies = _copies(folder)
    while place.exists() and not _gives_way(place, copies.get(_name(folder, place)), origin):
        place = _next(place)
    fresh.replace(place)
    copies[_name(folder, place)] = origin
    (folder / RECORD).write_bytes(msgspec.json.encode(copies))
    return place


def _gives_way(place: Path, known: Origin | None, origin: Origin) -> bool:
    """Whether what is there is an unchanged copy of the same file, or the very same."""
    if known is not None and known.path != origin.path:
        return False
    return _digest(place) in (origin.digest, known and known.digest)


def _copies(folder: Path) -> dict[str, Origin]:
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=dict[str, Origin])
    except (OSError, msgspec.MsgspecError):
        return {}


def _next(place: Path) -> Path:
    """`a.ipynb`, `a-2.ipynb`, `a-3.ipynb`."""
    stem, _, number = place.stem.rpartition("-")
    if stem and number.isdecimal():
        return place.with_stem(f"{stem}-{int(number) + 1}")
    return place.with_stem(f"{place.stem}-2")


def _name(folder: Path, place: Path) -> str:
    return place.relative_to(folder).as_posix()


def _digest(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
