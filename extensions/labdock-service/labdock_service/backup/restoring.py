"""Putting a backup in the place of what is there.

It is unpacked beside and checked as a whole before anything is changed. Then each part takes its
place by a rename, and what it takes the place of is kept in `replaced/`.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from labdock_service.backup import contents
from labdock_service.backup.archive import unpack
from labdock_service.backup.making import Begin
from labdock_service.engines import statusfile
from labdock_service.errors import Conflict, DiskFull, Invalid, NotFound
from labdock_service.folders import delete_folder, walk
from labdock_service.settings import Settings
from labdock_service.statefolder import StateFolder
from labdock_service.store import copying

SQLITE_FILES = ("", "-wal", "-shm", "-journal")


def check_finished(state: StateFolder) -> None:
    """Refuse a state folder in which a restore was broken off half-way. Raises Conflict."""
    if _mark(state).exists():
        raise Conflict("A `labdock restore` was broken off here: run it again with `--force`.")


def _mark(state: StateFolder) -> Path:
    return state.root / ".restore-began"


@dataclass(frozen=True)
class Restored:
    """What was restored, for the admin."""

    made: str
    kept: Path | None
    """Where what was there before is now."""
    databases_only: bool


@dataclass(frozen=True)
class Restore:
    """A backup on its way into a state folder that nothing runs in."""

    settings: Settings
    force: bool = False

    def run(self, file: Path, begin: Begin) -> Restored:
        """Restore it. Raises Invalid, NotFound, Conflict or DiskFull; then all is as it was.

        A restore that ends otherwise once it has begun to change things leaves a mark.
        """
        if not file.is_file():
            raise NotFound(f"There is no backup '{file.name}' here.")
        self._check_place()
        root = self.settings.state.root
        fresh = Path(tempfile.mkdtemp(prefix=".restoring-", dir=root))
        try:
            said = self._unpack(file, fresh, begin)
            begin("putting it in its place", 0)
            kept = self._replace(fresh)
        finally:
            delete_folder(fresh)
        return Restored(said["made"], kept, said["databases_only"])

    def _unpack(self, file: Path, fresh: Path, begin: Begin) -> dict[str, Any]:
        try:
            said = unpack(file, fresh, begin("checking the backup", file.stat().st_size))
            copying.check_file(fresh / contents.DATABASE)
            self._adapt(fresh, said)
            return said
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("The disk is full, and nothing was changed: free some.") from None
            if error.errno == errno.ENAMETOOLONG:
                raise Invalid(
                    "Folders in the backup are too deep for this state folder, and nothing was "
                    "changed: restore it to one with a shorter path."
                ) from None
            raise

    def _check_place(self) -> None:
        place = self.settings.state
        try:
            taken = not copying.is_empty(self.settings.database_url)
        except SQLAlchemyError:
            raise Invalid("The database does not answer: see 'database_url'.") from None
        if (taken or (place.root / contents.HUB_DATABASE).exists()) and not self.force:
            raise Conflict(
                "There is a deployment here already: `--force` restores in its place, and keeps "
                f"what is there now in {place.root.name}/{place.replaced.name}."
            )

    def _database_file(self) -> Path | None:
        url = make_url(self.settings.database_url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

    def _adapt(self, fresh: Path, said: dict[str, Any]) -> None:
        """Take out what is true where the backup was made only."""
        _forget_servers(fresh / contents.HUB_DATABASE)
        for folder in (fresh / "workers").glob("*/"):
            _end_worker(folder)
        if said["state"] != str(self.settings.state.root):
            _lead_links(fresh, said["state"], str(self.settings.state.root))

    def _replace(self, fresh: Path) -> Path | None:
        state = self.settings.state
        kept = state.replaced / time.strftime("%Y%m%d-%H%M%S")
        _mark(state).touch()
        _merge(fresh / "environments", state.environments)
        self._replace_database(fresh / contents.DATABASE, kept)
        for part in sorted(fresh.iterdir()):
            _set_aside(state.root / part.name, kept)
            part.rename(state.root / part.name)
        _mark(state).unlink()
        return kept if kept.exists() else None

    def _replace_database(self, fresh: Path, kept: Path) -> None:
        file, url = self._database_file(), self.settings.database_url
        if file is not None:
            for end in SQLITE_FILES:
                _set_aside(file.with_name(file.name + end), kept)
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(fresh, file)
            return
        try:
            if not copying.is_empty(url):
                kept.mkdir(parents=True)
                copying.save_database(url, kept / contents.DATABASE)
            copying.load_database(fresh, url)
        except SQLAlchemyError:
            raise Invalid("The database cannot be written: see 'database_url'.") from None
        fresh.unlink()


def _set_aside(place: Path, kept: Path) -> None:
    if not (place.exists() or place.is_symlink()):
        return
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.move(place, kept / place.name)


def _merge(fresh: Path, environments: Path) -> None:
    """Environments are named by what they hold: those that are there stay."""
    if not fresh.exists():
        return
    environments.mkdir(exist_ok=True)
    for folder in fresh.iterdir():
        if not (environments / folder.name).exists():
            shutil.move(folder, environments / folder.name)
    delete_folder(fresh)


def _forget_servers(hub: Path) -> None:
    """People's servers ran where the backup was made: here each starts anew."""
    if not hub.exists():
        return
    with closing(sqlite3.connect(hub)) as database, database:
        database.execute("UPDATE spawners SET server_id = NULL, state = NULL, started = NULL")


def _end_worker(folder: Path) -> None:
    """A worker that ran then has ended, as far as anybody here can know."""
    status = statusfile.read(folder)
    if status is not None and status["state"] != "ended":
        ended = {"state": "ended", "ended": time.time(), "reason": "the deployment was restored"}
        statusfile.write(folder, {**status, **ended})


def _lead_links(folder: Path, before: str, now: str) -> None:
    """Have links into the state folder lead into the one that this is now."""
    for entry in walk(folder):
        place = Path(entry.path)
        if entry.is_symlink() and (target := place.readlink()).is_relative_to(before):
            _point(place, Path(now) / target.relative_to(before))


def _point(link: Path, target: Path) -> None:
    """Change where a link leads, also in a folder that is read-only."""
    mode = link.parent.stat().st_mode
    link.parent.chmod(mode | 0o200)
    link.unlink()
    link.symlink_to(target)
    link.parent.chmod(mode)
