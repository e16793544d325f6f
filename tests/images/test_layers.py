"""Layers in their one form: what differs between two builds of the same goes, all else stays."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest

from labdock.digests import sha256
from labdock_service.images import normal
from labdock_service.images.normal import compress, normalise

CONTENT = random.Random(1).randbytes(20_000_000)
ATTRIBUTE = {"SCHILY.xattr.user.note": "kept"}


def entry(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode = kind, 0o644
    for key, value in more.items():
        setattr(made, key, value)
    return made


def tar_of(folder: Path, entries: list[tuple[tarfile.TarInfo, bytes]], name: str = "l") -> Path:
    file = folder / f"{name}.tar"
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def normalised(tar: Path) -> bytes:
    target = tar.with_suffix(".normal")
    with tar.open("rb") as source:
        digest, _ = normalise(source, target)
    assert digest == sha256(target.read_bytes())
    return target.read_bytes()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def two_builds(folder: Path) -> tuple[Path, Path]:
    """The same files, packed at another time, by another account, in another order."""
    first = [
        (entry("bin", tarfile.DIRTYPE, mode=0o755, mtime=1), b""),
        (entry("bin/tool", mode=0o755, mtime=1, uname="ann"), b"content"),
        (entry("bin/alias", tarfile.LNKTYPE, linkname="bin/tool"), b""),
        (entry("bin/link", tarfile.SYMTYPE, linkname="tool", mtime=1), b""),
        (entry(".wh.gone", mtime=1), b""),
        (entry("grün", mtime=1, uid=1000, pax_headers=ATTRIBUTE), b"x"),
    ]
    second = [
        (entry("./grün", mtime=9.5, uid=1000, pax_headers={**ATTRIBUTE, "ctime": "5.5"}), b"x"),
        (entry("./.wh.gone", mtime=9), b""),
        (entry("./bin/link", tarfile.SYMTYPE, linkname="tool", mtime=9), b""),
        (entry("./bin/alias", mode=0o755, mtime=9, uname="bob", gname="staff"), b"content"),
        (entry("./bin/tool", tarfile.LNKTYPE, linkname="./bin/alias", mode=0o755), b""),
        (entry("./bin/", tarfile.DIRTYPE, mode=0o755, mtime=9), b""),
        (entry("./dev/null", tarfile.CHRTYPE), b""),
        (entry("./.dockerenv"), b""),
    ]
    return tar_of(folder, first, "first"), tar_of(folder, second, "second")


def test_two_builds_of_the_same_become_the_same_bytes(tmp_path: Path) -> None:
    first, second = two_builds(tmp_path)
    assert first.read_bytes() != second.read_bytes()
    assert normalised(first) == normalised(second)


def test_what_a_file_is_stays(tmp_path: Path) -> None:
    found = members(normalised(two_builds(tmp_path)[1]))
    assert list(found) == sorted(found)
    assert {*found} == {".wh.gone", "bin", "bin/alias", "bin/link", "bin/tool", "grün"}
    assert found["bin/alias"].mode == 0o755
    assert (found["bin/tool"].islnk(), found["bin/tool"].linkname) == (True, "bin/alias")
    assert (found["bin/link"].issym(), found["bin/link"].linkname) == (True, "tool")
    assert (found["grün"].uid, found["grün"].uname) == (1000, "")
    assert found["grün"].pax_headers["SCHILY.xattr.user.note"] == "kept"
    assert {member.mtime for member in found.values()} == {normal.epoch()}


def test_the_one_form_is_its_own_one_form(tmp_path: Path) -> None:
    once = normalised(two_builds(tmp_path)[0])
    again = tmp_path / "again.tar"
    again.write_bytes(once)
    assert normalised(again) == once


def test_the_time_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    found = members(normalised(two_builds(tmp_path)[0]))
    assert {member.mtime for member in found.values()} == {1_700_000_000}


@pytest.mark.parametrize("size", [0, 1, normal.PIECE, len(CONTENT)])
def test_any_number_of_cores_compresses_to_the_same(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = tmp_path / "layer"
    tar.write_bytes(CONTENT[:size])
    results = set()
    for cores in (1, 3, 16):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        digest, packed = compress(tar, tmp_path / "layer.gz")
        data = (tmp_path / "layer.gz").read_bytes()
        assert (digest, packed) == (sha256(data), len(data))
        assert gzip.decompress(data) == CONTENT[:size] if size else not data
        results.add(digest)
    assert len(results) == 1
