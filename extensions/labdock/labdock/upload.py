"""Sends what the service lacks of a source, as one tar made while it is sent."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labdock.errors import Mistake
from labdock.schema import Digest, SourceUpload

if TYPE_CHECKING:
    from labdock.client import Client
    from labdock.snapshot import Taken

CHUNK = 256 * 1024
BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Sending:
    """How much of a source has been sent, in bytes."""

    sent: int
    total: int


Report = Callable[[Sending], None]


def send_source(client: Client, project: str, taken: Taken, report: Report) -> None:
    """Send the source's contents that the service has not got yet."""
    request = SourceUpload(project=project, source=taken.source)
    missing = client.announce_source(request).digests
    if not missing:
        return
    sizes = {file.digest: file.size for file in taken.source.files if file.digest}
    parts = [(digest, sizes[digest]) for digest in missing]
    total = sum(size for _, size in parts)

    def tar() -> Iterator[bytes]:
        return _tar(taken, parts, lambda sent: report(Sending(sent, total)))

    client.send_blobs(project, tar, tar_size([size for _, size in parts]))


def tar_size(sizes: list[int]) -> int:
    """The size of a tar of files of these sizes."""
    return sum(BLOCK + size + _padding(size) for size in sizes) + 2 * BLOCK


def _padding(size: int) -> int:
    return -size % BLOCK


def _tar(
    taken: Taken, parts: list[tuple[Digest, int]], report: Callable[[int], None]
) -> Iterator[bytes]:
    sent = 0
    for digest, size in parts:
        yield _header(digest, size)
        for chunk in _contents(taken, digest, size):
            yield chunk
            sent += len(chunk)
            report(sent)
        yield bytes(_padding(size))
    yield bytes(2 * BLOCK)


def _header(digest: Digest, size: int) -> bytes:
    info = tarfile.TarInfo(digest.removeprefix("sha256:"))
    info.size = size
    return info.tobuf(format=tarfile.GNU_FORMAT)


def _contents(taken: Taken, digest: Digest, size: int) -> Iterator[bytes]:
    left = size
    with taken.open(digest) as file:
        while chunk := file.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise Mistake("A file changed while it was sent: run this again.")
