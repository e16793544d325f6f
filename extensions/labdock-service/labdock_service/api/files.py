"""Files that a job's chief wrote: those kept of it, and while it runs those it works on."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.responses import StreamingResponse

from labdock.schema import ENDED, File
from labdock_service.api.access import SeenJob
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.api.problems import describe
from labdock_service.engines.base import WorkerStatus
from labdock_service.errors import NotFound
from labdock_service.folders import PASSED_OVER, walk
from labdock_service.plainfile import open_plain
from labdock_service.store.tables import JobRow

router = APIRouter(tags=["jobs"])

CHUNK = 256 * 1024
BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}


@router.get("/jobs/{id}/files", responses=describe(404))
def list_files(job: SeenJob, parts: PartsOf) -> list[File]:
    """The files that the job made or changed, the executed notebook among them."""
    kept = reversed(_kept(parts, job))
    found = {file.path: file for folder in kept for file in _files(folder)}
    chief = _running_chief(parts, job)
    if chief is not None and chief.work is not None:
        began = chief.started or time.time()
        found |= {file.path: file for file in _files(chief.work) if file.modified >= began}
    return sorted(found.values(), key=lambda file: file.path)


@router.get(
    "/jobs/{id}/files/{path:path}",
    response_class=StreamingResponse,
    responses={**BINARY, **describe(404)},
)
def download(
    job: SeenJob, parts: PartsOf, path: Annotated[str, PathParameter(max_length=4096)]
) -> StreamingResponse:
    """One of these files."""
    chief = _running_chief(parts, job)
    for folder in (chief.work if chief else None, *_kept(parts, job)):
        opened = _open(folder, path) if folder is not None else None
        if opened is not None:
            return _send(opened, PurePosixPath(path).name)
    raise NotFound(f"Job {job.id} has no file '{path[:200]}'.", field="path")


def _kept(parts: Parts, job: JobRow) -> list[Path]:
    """What each attempt left, the newest first: its version of a file is the one that counts."""
    folders = (parts.state.jobs / job.id / "artifacts").glob("*")
    finished = [folder for folder in folders if folder.name.isdecimal()]
    return sorted(finished, key=lambda folder: int(folder.name), reverse=True)


def _running_chief(parts: Parts, job: JobRow) -> WorkerStatus | None:
    """The chief of the attempt that runs; its files are in its working copy."""
    if job.state in ENDED or not job.attempt:
        return None
    chief = f"job-{job.id}-{job.attempt}-0"
    return next((worker for worker in parts.engine.look() if worker.id == chief), None)


def _files(folder: Path) -> Iterator[File]:
    """Regular files; links are left out, since they may lead anywhere."""
    for entry in walk(folder, PASSED_OVER):
        path = PurePath(entry.path).relative_to(folder)
        try:
            seen = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(seen.st_mode):
            name = path.as_posix().encode(errors="replace").decode()
            yield File(path=name, size=seen.st_size, modified=seen.st_mtime)


def _open(folder: Path, path: str) -> BinaryIO | None:
    """The regular file at this path inside of the folder, opened."""
    try:
        place = (folder / path).resolve(strict=True)
        if folder.is_symlink() or not place.is_relative_to(folder.resolve()):
            return None
        return _opened_below(folder.resolve(), place)
    except (OSError, ValueError, RuntimeError):
        return None


def _opened_below(folder: Path, place: Path) -> BinaryIO | None:
    """The file, if it still lies in the folder once it is open: a job may move things about."""
    file = os.fdopen(open_plain(place), "rb")
    if Path(f"/proc/self/fd/{file.fileno()}").readlink().is_relative_to(folder):
        return file
    file.close()
    return None


def _send(file: BinaryIO, name: str) -> StreamingResponse:
    size = os.fstat(file.fileno()).st_size
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
    }
    return StreamingResponse(_chunks(file, size), 200, headers, "application/octet-stream")


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """As much as the file had at first: it may grow meanwhile."""
    with file:
        while size > 0 and (chunk := file.read(min(CHUNK, size))):
            size -= len(chunk)
            yield chunk
