"""A tar with the SHA-256 of everything in it, written and read in one pass.

The digests are its last entry but one, and their own digest is the last: a file that was cut
off, or in which one bit is another, is found out before anything of it is used.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from labdock_service.errors import Invalid

CONTENTS = "labdock-backup.json"
SEAL = "labdock-backup.sha256"
FORMAT = 1
CHUNK = 1 << 20

Report = Callable[[int], None]
"""Told how many bytes were done since it was told last."""


class Writer:
    """Writes an archive to a stream; the same inode twice becomes a link."""

    def __init__(self, stream: IO[bytes], report: Report) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w:", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._report = report
        self._digests: dict[str, str] = {}
        self._seen: dict[tuple[int, int], str] = {}

    def add_tree(self, name: str, folder: Path, wanted: Callable[[str], bool]) -> None:
        """Add a file, a link, or a folder with what `wanted` says of each path below."""
        waiting = [(name, folder)]
        while waiting:
            at, place = waiting.pop()
            if not wanted(at):
                continue
            inner = self._add_place(at, place)
            waiting += [(f"{at}/{entry}", place / entry) for entry in reversed(inner)]

    def _add_place(self, name: str, place: Path) -> list[str]:
        """Add what is there; the names in it, where it is a folder."""
        try:
            status = place.lstat()
            inner = sorted(os.listdir(place)) if stat.S_ISDIR(status.st_mode) else []  # noqa: PTH208
        except FileNotFoundError:
            return []  # deleted since its folder was listed
        except PermissionError:
            raise Invalid(f"'{name}' of the state folder may not be read.") from None
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise Invalid(f"Folders in '{name[:100]}' lie too deep: move them up.") from None
        self._add(name, place, status)
        return inner

    def _add(self, name: str, path: Path, status: os.stat_result) -> None:
        info = tarfile.TarInfo(name)
        info.mode, info.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
        if stat.S_ISDIR(status.st_mode):
            info.type = tarfile.DIRTYPE
            self._write(info)
        elif stat.S_ISLNK(status.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
            self._write(info)
        elif stat.S_ISREG(status.st_mode):
            self._add_file(info, path, status)

    def _add_file(self, info: tarfile.TarInfo, path: Path, status: os.stat_result) -> None:
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and inode in self._seen:
            info.type, info.linkname = tarfile.LNKTYPE, self._seen[inode]
            self._write(info)
            return
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return
        except PermissionError:
            raise Invalid(f"'{info.name}' of the state folder may not be read.") from None
        with opened as file:
            info.size = os.fstat(file.fileno()).st_size
            self._seen[inode] = info.name
            self._write(info, file)

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a file with this content."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._write(info, io.BytesIO(content))

    def _write(self, info: tarfile.TarInfo, content: IO[bytes] | None = None) -> None:
        hashed = hashlib.sha256(_facts(info))
        source = content and _Hashed(content, info.size, hashed.update, self._report)
        self._tar.addfile(info, source)
        self._tar.members.clear()  # type: ignore[attr-defined]  # else it keeps every entry
        self._digests[info.name] = hashed.hexdigest()

    def close(self, description: dict[str, Any]) -> None:
        """Write what is in it, and end it."""
        said = {"format": FORMAT, **description, "digests": self._digests}
        content = json.dumps(said, sort_keys=True).encode()
        self.add_bytes(CONTENTS, content)
        self.add_bytes(SEAL, hashlib.sha256(content).hexdigest().encode())
        self._tar.close()


class _Hashed(io.RawIOBase):
    """What tarfile reads from: as many bytes of a file as it had, whoever changes it meanwhile."""

    def __init__(
        self, file: IO[bytes], size: int, update: Callable[[bytes], None], report: Report
    ) -> None:
        self._file, self._left = file, size
        self._update, self._report = update, report

    def read(self, size: int = -1) -> bytes:
        """So many bytes, hashed and counted; zeros for what the file has lost."""
        wanted = self._left if size < 0 else min(size, self._left)
        chunk = self._file.read(wanted)
        chunk += bytes(wanted - len(chunk))
        self._left -= wanted
        self._update(chunk)
        self._report(wanted)
        return chunk


def _facts(info: tarfile.TarInfo) -> bytes:
    """What the digest of an entry holds beside its content."""
    return f"{info.type.decode()} {info.mode:o} {info.linkname}\n".encode()


def unpack(file: Path, folder: Path, report: Report) -> dict[str, Any]:
    """Unpack an archive into an empty folder and check all of it; what its writer described.

    Raises Invalid where it is none, was cut off, or holds anything but what was written.
    """
    try:
        with file.open("rb", CHUNK) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            return _Unpacking(folder, report).run(tar)
    except PermissionError:
        raise Invalid(f"'{file.name}' may not be read by this account.") from None
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError):
        raise Invalid(f"'{file.name}' is no backup of Labdock's, or was cut off.") from None


class _Unpacking:
    """One archive on its way into a folder. Links are made last: nothing is written through one."""

    def __init__(self, folder: Path, report: Report) -> None:
        self._folder = folder
        self._report = report
        self._found: dict[str, str] = {}
        self._links: list[tarfile.TarInfo] = []
        self._modes: list[tuple[Path, int]] = []

    def run(self, tar: tarfile.TarFile) -> dict[str, Any]:
        for info in tar:
            self._unpack(tar, info)
        if not {CONTENTS, SEAL} <= self._found.keys():
            raise ValueError("its end is missing")
        contents = (self._folder / CONTENTS).read_bytes()
        seal = (self._folder / SEAL).read_text()
        if hashlib.sha256(contents).hexdigest() != seal:
            raise Invalid("The backup is damaged: its list of contents is not the one written.")
        said: dict[str, Any] = json.loads(contents)
        self._check(said)
        for link in self._links:
            (self._folder / link.name).symlink_to(link.linkname)
        for place, mode in reversed(self._modes):
            place.chmod(mode)
        for name in (CONTENTS, SEAL):
            (self._folder / name).unlink()
        return said

    def _unpack(self, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        target = self._place(info.name)
        hashed = hashlib.sha256(_facts(info))
        if info.isdir():
            target.mkdir(mode=0o700, exist_ok=True)
            self._modes.append((target, info.mode))
        elif info.issym():
            self._links.append(info)
        elif info.islnk():
            os.link(self._place(info.linkname), target)
        elif info.isreg():
            content = tar.extractfile(info)
            assert content is not None, "a regular entry has content"
            with target.open("xb") as file:
                while chunk := content.read(CHUNK):
                    hashed.update(chunk)
                    file.write(chunk)
                    self._report(len(chunk))
            target.chmod(info.mode)
            os.utime(target, (info.mtime, info.mtime))
        else:
            raise ValueError("no writer of ours makes such an entry")
        self._found[info.name] = hashed.hexdigest()

    def _place(self, name: str) -> Path:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("it leads out of the folder")
        return self._folder / path

    def _check(self, said: dict[str, Any]) -> None:
        if said["format"] != FORMAT:
            raise Invalid("This backup is of a newer Labdock: restore it with that version.")
        found = {
            name: digest for name, digest in self._found.items() if name not in (CONTENTS, SEAL)
        }
        if found == said["digests"]:
            return
        changed = sorted(name for name, _ in set(found.items()) ^ set(said["digests"].items()))
        raise Invalid(f"The backup is damaged: '{changed[0]}' is not what was written.")
