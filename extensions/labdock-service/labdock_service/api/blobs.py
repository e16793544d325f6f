"""Takes an upload apart while it comes in: each content is verified, then put in its place."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

import anyio.from_thread

from labdock_service.errors import Invalid, TooLarge
from labdock_service.statefolder import StateFolder

CHUNK = 1 << 20
MOST_FILES = 100_000
HEADERS = 4096
"""Bytes that a tar may spend on each file beside its content."""

_NAME = re.compile(r"[0-9a-f]{64}")


class Upload:
    """A tar of contents, read from a request by a thread of its own."""

    def __init__(self, state: StateFolder, limit: int, chunks: AsyncIterator[bytes]) -> None:
        self._state = state
        self._limit = limit
        self._left = limit
        self._body = _Body(chunks, limit + MOST_FILES * HEADERS)

    def unpack(self) -> dict[str, int]:
        """Keep every content; the answer is digest to size."""
        sizes: dict[str, int] = {}
        try:
            with tarfile.open(fileobj=self._body, mode="r|", bufsize=CHUNK) as tar:
                for member in tar:
                    self._check(member, sizes)
                    content = tar.extractfile(member)
                    assert content is not None, "a regular file has content"
                    sizes[f"sha256:{member.name}"] = member.size
                    self._keep(member, content)
                    tar.members.clear()  # type: ignore[attr-defined]
        except (tarfile.TarError, EOFError, ValueError, OverflowError):
            raise Invalid("The upload is not a whole tar file: send it again.") from None
        return sizes

    def _check(self, member: tarfile.TarInfo, sizes: dict[str, int]) -> None:
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise Invalid("The upload may hold files only.")
        if not _NAME.fullmatch(member.name):
            raise Invalid("The upload's files must be named by the 64 digits of their digest.")
        if len(sizes) >= MOST_FILES:
            raise TooLarge(f"An upload may hold {MOST_FILES:,} files.")
        self._left -= member.size
        if self._left < 0:
            raise TooLarge(f"This deployment takes {self._limit:,} bytes of a source.")

    def _keep(self, member: tarfile.TarInfo, content: IO[bytes]) -> None:
        place = self._state.blob(f"sha256:{member.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with _fresh_file(place) as (file, fresh):
            while chunk := content.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != member.name:
                raise Invalid(f"The content sent as {member.name[:12]}… has another digest.")
            file.flush()
            fresh.replace(place)


@contextlib.contextmanager
def _fresh_file(place: Path) -> Iterator[tuple[IO[bytes], Path]]:
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".upload-")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, fresh
    finally:
        fresh.unlink(missing_ok=True)


class _Body(io.RawIOBase):
    """A request's body as a file, for a thread: each chunk is asked for on the loop."""

    def __init__(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        self._chunks = chunks
        self._left = limit
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(anyio.from_thread.run(self._next))
            self._left -= len(self._rest)
            if self._left < 0:
                raise TooLarge("The upload is larger than this deployment takes.")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    async def _next(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return chunk
        return b""
