"""Layers in their one form: the same files give the same bytes, whoever built them and when.

Entries are sorted and have one time (SOURCE_DATE_EPOCH, or the first day of 1980, the oldest
that a zip file can hold). Owners are numbers. Modes, links and extended attributes stay.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
PIECE = 8 << 20
"""Bytes that are compressed as one: it decides the result, so it never changes."""

LEVEL = 7
RECORD = tarfile.RECORDSIZE
LEFT_OUT = ("dev/", "proc/", "sys/", ".dockerenv")
"""What the engine puts there itself."""


def epoch() -> int:
    """The one time of everything in an image, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or 315_619_200)


@dataclass(frozen=True)
class NormalLayer:
    """A layer: the digest of its tar, and the digest and size of that compressed."""

    diff_id: str
    digest: str
    size: int
    unpacked: int
    """Bytes of its files."""


def normalise(layer: BinaryIO, target: Path) -> tuple[str, int]:
    """Write a layer's tar anew; its digest, and the bytes of its files."""
    hashed = hashlib.sha256()
    unpacked = 0
    with tarfile.open(fileobj=layer, mode="r:") as tar, target.open("wb") as out:
        for member in _in_order(tar):
            unpacked += member.size if member.isreg() else 0
            for part in _entry(tar, member):
                hashed.update(part)
                out.write(part)
        end = bytes(2 * tarfile.BLOCKSIZE)
        hashed.update(end)
        out.write(end)
    return f"sha256:{hashed.hexdigest()}", unpacked


def compress(tar: Path, target: Path) -> tuple[str, int]:
    """Compress a layer on all cores, with one result on any number of them; digest and size.

    It is gzip in pieces, one member each, which every reader of gzip takes as one.
    """
    hashed, size = hashlib.sha256(), 0
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool, tar.open("rb") as source, target.open("wb") as out:
        for packed in _in_turn(pool, _pieces(source), 2 * workers):
            hashed.update(packed)
            out.write(packed)
            size += len(packed)
    return f"sha256:{hashed.hexdigest()}", size


def _in_turn(pool: ThreadPoolExecutor, pieces: Iterable[bytes], ahead: int) -> Iterator[bytes]:
    waiting = []
    for piece in pieces:
        waiting.append(pool.submit(_gzip, piece))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _gzip(piece: bytes) -> bytes:
    """One member of gzip, without a name, a time or a system in its header."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(piece) + packer.flush()
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    tail = zlib.crc32(piece).to_bytes(4, "little") + (len(piece) & 0xFFFFFFFF).to_bytes(4, "little")
    return head + body + tail


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(PIECE):
        yield piece


def _in_order(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The members by name; of files that are one, the first by name holds the content."""
    members = {_name(member): member for member in tar if not _left_out(member)}
    firsts: dict[str, str] = {}
    ordered = []
    for name in sorted(members):
        member = members[name]
        member.name = name
        if not (member.isreg() or member.islnk()):
            ordered.append(member)
            continue
        content = _content_of(member, members)
        first = firsts.setdefault(_name(content), name)
        ordered.append(_link(member, first) if first != name else _file(member, content))
    return ordered


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").rstrip("/")


def _left_out(member: tarfile.TarInfo) -> bool:
    return _name(member).startswith(LEFT_OUT) or _name(member) in ("", ".")


def _content_of(member: tarfile.TarInfo, members: dict[str, tarfile.TarInfo]) -> tarfile.TarInfo:
    while member.islnk():
        member = members[member.linkname.removeprefix("./")]
    return member


def _link(member: tarfile.TarInfo, first: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(member.name)
    made.type, made.linkname = tarfile.LNKTYPE, first
    made.mode, made.uid, made.gid = member.mode, member.uid, member.gid
    return made


def _file(member: tarfile.TarInfo, content: tarfile.TarInfo) -> tarfile.TarInfo:
    made = tarfile.TarInfo(member.name)
    made.mode, made.uid, made.gid, made.size = content.mode, content.uid, content.gid, content.size
    made.offset_data = content.offset_data
    made.pax_headers = content.pax_headers
    return made


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    member.mtime, member.uname, member.gname = epoch(), "", ""
    member.pax_headers = {
        key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr.")
    }
    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if member.isreg():
        yield from _content(tar, member)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    assert tar.fileobj is not None
    tar.fileobj.seek(member.offset_data)
    left = member.size
    while left:
        part = tar.fileobj.read(min(CHUNK, left))
        left -= len(part)
        yield part
    yield bytes(-member.size % tarfile.BLOCKSIZE)
