"""Backups of a small state folder: what is in them, what is refused, what is kept beside."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, text
from tests.support import postgresql
from tests.support.api import make_environment, make_settings
from tests.support.deployment import free_port
from tests.support.folders import nested
from tests.support.services import require
from tests.support.stores import ada, make_snapshot

from labdock_service.backup import restoring
from labdock_service.backup.archive import CONTENTS
from labdock_service.backup.making import Backup, Begin
from labdock_service.backup.restoring import Restore, check_finished
from labdock_service.backup.upgrading import bring_up_to_date
from labdock_service.engines import statusfile
from labdock_service.errors import Conflict, Invalid, NotFound
from labdock_service.folders import delete_folder
from labdock_service.packaging.environments import board_image, board_record
from labdock_service.sealing import Seal
from labdock_service.settings import Settings
from labdock_service.store import Store, check_database, events, secrets
from labdock_service.store.database import NewerDatabase, migrate, newest_version

ENVIRONMENT = "sha256:" + "e" * 64
BEGIN: Begin = lambda _what, _size: lambda _count: None  # noqa: E731


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    require(postgresql.can_start(), "PostgreSQL (`apt-get install postgresql`) or psycopg")
    with postgresql.postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    made = make_settings(tmp_path / "here")
    if request.param == "sqlite":
        yield populate(made)
    else:
        with postgresql.database(request.getfixturevalue("server")) as url:
            yield populate(made.model_copy(update={"database_url": url}))


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return populate(make_settings(tmp_path / "here"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "all.tar"


def populate(settings: Settings) -> Settings:
    """A person with a snapshot and a secret, and files of every kind."""
    state = settings.state
    make_environment(state)
    board_record(state).write_text('{"image": "an image"}')
    make_environment(state, "unused", "sha256:" + "f" * 64)
    for name in ("sources", "jobs/j1/artifacts", "workers/w1/tmp", "hub", "run", "homes/p1"):
        (state.root / name).mkdir(parents=True)
    (state.root / "sources/abc").write_text("source")
    (state.root / "jobs/j1/artifacts/out.txt").write_text("made")
    (state.root / "homes/p1/data").symlink_to(state.data_roots / "data")
    (state.root / "jobs/j1/link").symlink_to(state.root / "sources/abc")
    (state.root / "password").write_text("hush")
    statusfile.write(state.root / "workers/w1", {"state": "running", "pid": 1})
    with closing(sqlite3.connect(state.hub / "jupyterhub.sqlite")) as hub, hub:
        hub.execute("CREATE TABLE spawners (server_id INTEGER, state TEXT, started TEXT)")
        hub.execute("""INSERT INTO spawners VALUES (1, '{"pid": 1}', 'now')""")
    store = Store(settings.database_url)
    store.upgrade()
    with store.write() as session:
        person, project = ada(session)
        make_snapshot(session, environment=ENVIRONMENT)
        secrets.put(session, Seal(state.secret_keys), project, "TOKEN", "hush", person)
        for kind in ("first", "second"):
            events.add(session, project.id, "ada", kind)
    store.close()
    return settings


def another(folder: Path, **values: object) -> Settings:
    made = make_settings(folder, **values)
    made.state.root.mkdir(parents=True)
    return made


def back_up(settings: Settings, file: Path, *, homes: bool = False) -> Path:
    Backup(settings, homes=homes).write(file, BEGIN)
    return file


def kinds(settings: Settings) -> list[str]:
    store = Store(settings.database_url)
    with store.read() as session:
        found = session.execute(text("SELECT kind FROM events ORDER BY id")).scalars().all()
    store.close()
    return [kind for kind in found if "." not in kind]


def test_from_either_database_into_an_empty_folder(
    settings: Settings, file: Path, tmp_path: Path
) -> None:
    back_up(settings, file, homes=True)
    assert [entry.name for entry in file.parent.iterdir() if entry.name.startswith(".")] == []
    there = another(tmp_path / "there")
    restored = Restore(there).run(file, BEGIN)
    assert restored.kept is None
    root = there.state.root
    assert (root / "sources/abc").read_text() == "source"
    assert (root / "jobs/j1/link").readlink() == root / "sources/abc"
    assert (root / "homes/p1/data").readlink() == there.state.data_roots / "data"
    kept = {entry.name[0] for entry in there.state.environments.iterdir()}
    assert kept == {"e", board_record(there.state).name[0]}
    assert board_image(there.state) == "an image"
    assert statusfile.read(root / "workers/w1") is not None
    assert (statusfile.read(root / "workers/w1") or {})["state"] == "ended"
    assert not (root / "workers/w1/tmp").exists() and not (root / "run").exists()
    with closing(sqlite3.connect(root / "hub/jupyterhub.sqlite")) as hub:
        assert hub.execute("SELECT * FROM spawners").fetchall() == [(None, None, None)]
    assert kinds(there) == ["first", "second"]
    store = Store(there.database_url)
    with store.write() as session:
        _, project = ada(session)
        row = secrets.find(session, project.id, "TOKEN")
        assert row is not None
        opened = Seal(there.state.secret_keys).open(project.id, "TOKEN", row.sealed)
        assert opened == "hush"
    store.close()


def test_into_either_database_in_place_of_what_is_there(settings: Settings, file: Path) -> None:
    back_up(settings, file)
    store = Store(settings.database_url)
    with store.write() as session:
        _, project = ada(session)
        events.add(session, project.id, "ada", "third")
    with pytest.raises(Conflict, match="There is a deployment here already"):
        Restore(settings).run(file, BEGIN)
    assert kinds(settings) == ["first", "second", "third"]
    store.close()
    restored = Restore(settings, force=True).run(file, BEGIN)
    assert restored.kept is not None
    assert kinds(settings) == ["first", "second"]
    with closing(sqlite3.connect(restored.kept / "labdock.sqlite")) as before:
        asked = "SELECT count(*) FROM events WHERE kind = 'third'"
        assert before.execute(asked).fetchone() == (1,)
    assert (settings.state.homes / "p1").exists()  # no part of this backup
    store = Store(settings.database_url)
    with store.write() as session:
        _, project = ada(session)
        events.add(session, project.id, "ada", "after")
        gitless = text("SELECT count(*) FROM snapshots WHERE git IS NULL")
        assert session.scalar(gitless) == 1  # no value is still no value, not JSON's null
    store.close()
    assert kinds(settings) == ["first", "second", "after"]


def test_homes_of_folders_in_folders(small: Settings, file: Path, tmp_path: Path) -> None:
    home = small.state.homes / "p1"
    there = another(tmp_path / "there")
    with nested(home) as last:
        back_up(small, file, homes=True)
        Restore(there).run(file, BEGIN)
        kept = there.state.homes / "p1"
        assert (kept / last.relative_to(home)).is_file()
        delete_folder(kept / "d")
    with nested(home, 5000), pytest.raises(Invalid, match=r"Folders in 'homes/p1/d/.* too deep"):
        back_up(small, file.with_name("deeper.tar"), homes=True)


def test_an_older_database_is_backed_up_and_brought_up_to_date(settings: Settings) -> None:
    """Its tables are then as `up` found them in the backup, and so after a restore."""
    store = Store(settings.database_url)
    with store.writing() as connection:
        drop_all(connection)
        migrate(connection, "0001")
        connection.execute(text("INSERT INTO fences (name, number) VALUES ('of-old', 7)"))
    file = bring_up_to_date(settings, BEGIN)
    assert file is not None and file.parent == settings.state.backups
    assert store.version() == newest_version() and not check_database(settings.database_url)
    store.close()
    Restore(settings, force=True).run(file, BEGIN)
    assert store.version() == "0001"
    with store.read() as session:
        assert session.execute(text("SELECT name, number FROM fences")).all() == [("of-old", 7)]
    store.close()
    assert (settings.state.root / "sources/abc").exists()


def drop_all(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    tables.drop_all(connection)


def test_what_is_damaged_changes_nothing(small: Settings, file: Path, tmp_path: Path) -> None:
    back_up(small, file)
    there = another(tmp_path / "there")
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        places = {info.name: info.offset_data for info in tar}
    for name in ("password", "labdock.sqlite", "hub/jupyterhub.sqlite", CONTENTS):
        place = places[name] + 3
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Invalid, match="is damaged"):
            Restore(there).run(file, BEGIN)
    for length in (0, 100, 512, len(whole) // 2, places[CONTENTS]):
        file.write_bytes(whole[:length])
        with pytest.raises(Invalid, match="is no backup of Labdock's, or was cut off"):
            Restore(there).run(file, BEGIN)
    assert [*there.state.root.iterdir()] == []


def test_an_entry_that_leads_out_of_the_folder(small: Settings, file: Path, tmp_path: Path) -> None:
    with tarfile.open(file, "w") as tar:
        tar.add(small.state.password, "../outside")
    with pytest.raises(Invalid, match="is no backup"):
        Restore(another(tmp_path / "there")).run(file, BEGIN)
    assert not (tmp_path / "there/outside").exists()


def test_a_backup_of_a_newer_version(small: Settings, file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(small.state.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    back_up(small, file)
    with pytest.raises(NewerDatabase, match="of a newer Labdock"):
        Restore(another(tmp_path / "there")).run(file, BEGIN)


def test_where_a_backup_may_not_be_written(small: Settings, file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="never started"):
        back_up(another(tmp_path / "there"), file)
    with pytest.raises(Invalid, match="is not there: make it first"):
        back_up(small, tmp_path / "none/all.tar")
    with pytest.raises(Invalid, match="would be lost with it"):
        back_up(small, small.state.root / "all.tar")
    back_up(small, file)
    with pytest.raises(Invalid, match="is there already"):
        back_up(small, file)


def test_a_database_that_does_not_answer(small: Settings, file: Path) -> None:
    back_up(small, file)
    gone = f"postgresql://labdock:geheim@127.0.0.1:{free_port()}/labdock"
    elsewhere = small.model_copy(update={"database_url": gone})
    with pytest.raises(Invalid, match="does not answer"):
        Restore(elsewhere, force=True).run(file, BEGIN)
    with pytest.raises(Invalid, match="does not answer"):
        back_up(elsewhere, file.with_name("other.tar"))
    check_finished(small.state)


def test_a_restore_that_breaks_off_is_found_out(
    small: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(small, file)

    def fail(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(restoring, "_merge", fail)
        Restore(small, force=True).run(file, BEGIN)
    with pytest.raises(Conflict, match="was broken off here"):
        check_finished(small.state)
    Restore(small, force=True).run(file, BEGIN)
    check_finished(small.state)
    assert kinds(small) == ["first", "second"]


def test_what_changes_meanwhile_is_taken_as_it_was(small: Settings, file: Path) -> None:
    """A log that grows, and one that is cut, while their bytes are on their way."""
    logs = [small.state.root / "jobs" / name for name in ("grows", "shrinks")]
    for log in logs:
        log.write_bytes(b"x" * 3_000_000)

    def begin(what: str, _size: int) -> object:
        def told(_count: int) -> None:
            if what == "writing the backup":
                with logs[0].open("ab") as growing:
                    growing.write(b"y" * 1000)
                with logs[1].open("r+b") as shrinking:
                    shrinking.truncate(10)

        return told

    Backup(small).write(file, begin)  # type: ignore[arg-type]
    with tarfile.open(file) as tar:
        assert tar.getmember("jobs/shrinks").size in (10, 3_000_000)
        said = json.load(tar.extractfile(CONTENTS))  # type: ignore[arg-type]
    assert "jobs/grows" in said["digests"]
