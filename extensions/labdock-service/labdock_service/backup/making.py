"""Making a backup, also while everything runs.

The databases are copied first, each as it is at one moment, the service's before the hub's. What
they name by a digest is on the disk by then and never changes; what grows meanwhile (logs,
curves, checkpoints) is taken as it lies, as a power cut would leave it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy.exc import SQLAlchemyError

import labdock_service
from labdock_service.backup import contents
from labdock_service.backup.archive import Report, Writer
from labdock_service.errors import DiskFull, Invalid, NotFound
from labdock_service.settings import Settings
from labdock_service.store import copying

Begin = Callable[[str, int], Report]
"""Told what begins and how many bytes it has; what it gives is told how many were done."""


@dataclass(frozen=True)
class Backup:
    """What goes into one file."""

    settings: Settings
    homes: bool = False
    databases_only: bool = False

    def write(self, file: Path, begin: Begin) -> None:
        """Make the backup. Raises Invalid, NotFound or DiskFull, and leaves nothing half-made."""
        self._check(file)
        with (
            _appearing(file) as stream,
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".labdock-backup-") as folder,
        ):
            begin("copying the databases", 0)
            self._copy_databases(Path(folder))
            self._write(stream, Path(folder), begin)

    def _check(self, file: Path) -> None:
        root = self.settings.state.root
        try:
            empty = copying.is_empty(self.settings.database_url)
        except SQLAlchemyError:
            raise Invalid("The database does not answer: see 'database_url'.") from None
        if empty:
            raise NotFound("There is nothing to back up here: Labdock was never started.")
        if file.exists():
            raise Invalid(f"'{file.name}' is there already: name a new file.")
        if not file.absolute().parent.is_dir():
            raise Invalid(f"The folder of '{file.name}' is not there: make it first.")
        inside = file.absolute().resolve().is_relative_to(root)
        if inside and file.absolute().resolve().parent != self.settings.state.backups:
            raise Invalid("A backup in the state folder would be lost with it: name another place.")

    def _copy_databases(self, folder: Path) -> None:
        (folder / "hub").mkdir()
        try:
            copying.save_database(self.settings.database_url, folder / contents.DATABASE)
        except (SQLAlchemyError, OSError) as error:
            raise Invalid("The database cannot be copied: see 'database_url'.") from error
        hub = self.settings.state.root / contents.HUB_DATABASE
        if hub.exists():
            copying.save_sqlite(hub, folder / contents.HUB_DATABASE)

    def _write(self, stream: IO[bytes], databases: Path, begin: Begin) -> None:
        root = self.settings.state.root
        keep = contents.wanted(copying.named_environments(databases / contents.DATABASE))
        whole = contents.parts(self.settings.state, homes=self.homes)
        names = list(contents.SMALL if self.databases_only else whole)
        sizes = (contents.size_of(root, name, keep) for name in names if (root / name).exists())
        writer = Writer(stream, begin("writing the backup", sum(sizes)))
        for name in names:
            place = root / name
            writer.add_tree(name, place.resolve() if place.is_symlink() else place, keep)
        for name in sorted(contents.DATABASES):
            writer.add_tree(name, databases / name, lambda _: True)
        if self.settings.file.is_file():
            writer.add_bytes(contents.SETTINGS, self.settings.file.read_bytes())
        writer.close(
            {
                "labdock": labdock_service.__version__,
                "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "state": str(root),
                "homes": self.homes,
                "databases_only": self.databases_only,
            }
        )


@contextlib.contextmanager
def _appearing(file: Path) -> Iterator[IO[bytes]]:
    """A file that only its owner may read, and that is there when it is whole."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(descriptor)
        fresh.rename(file)
    except OSError as error:
        raise _explain(error, file) from error
    finally:
        fresh.unlink(missing_ok=True)


def _explain(error: OSError, file: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"The disk is full: free some, or put '{file.name}' on another.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Invalid(f"'{file.name}' cannot be written: {(error.strerror or '').lower()}.")
    return error
