"""The database: connections, transactions, migrations and the reconciler's fence."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from labdock_service.errors import ServiceError
from labdock_service.store.tables import Fence

RECONCILER = "reconciler"
CONNECT_SECONDS = 10
BUSY_SECONDS = 30
WRITE_LOCK = 0x1ABD0C
VERSION_TABLE = "alembic_version"
VERSIONS = Path(__file__).parent / "migrations" / "versions"
"""Migrations, named by four digits that only grow."""


class NoDatabase(ServiceError):
    """The database cannot be reached; the message says where its address is set."""

    code = "no_database"


class NewerDatabase(ServiceError):
    """The database was used by a newer Labdock, which changed its tables."""

    code = "newer_database"


class Fenced(Exception):
    """A newer reconciler has taken over: this one may write nothing more."""


class Store:
    """A database by URL: SQLite (one file, WAL) or PostgreSQL.

    `read()` and `write()` give a session for one transaction; rows stay readable after it.
    A `write()` takes its turn at its start, on either database: it cannot fail half-way because
    somebody else wrote, and events' ids appear in the order of their commits, so that a reader
    who asks for what came after one misses none.
    """

    def __init__(self, url: str) -> None:
        place = _with_driver(make_url(url))
        sqlite = place.get_backend_name() == "sqlite"
        patience = {} if sqlite else {"connect_timeout": CONNECT_SECONDS}
        self._engine = create_engine(place, pool_pre_ping=not sqlite, connect_args=patience)
        if sqlite:
            _make_folder(place)
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        writer = self._engine.execution_options(immediate=True)
        self._writer = writer
        self._reading = sessionmaker(self._engine, expire_on_commit=False)
        self._writing = sessionmaker(writer, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed together when the block ends without an error."""
        with self._writing.begin() as session:
            _take_turn(session.connection())
            yield session

    @contextmanager
    def fenced(self, number: int) -> Iterator[Session]:
        """A write by the reconciler that holds `number`; `Fenced` where a newer one has begun."""
        with self.write() as session:
            held = session.get(Fence, RECONCILER, with_for_update=True)
            if held is None or held.number != number:
                raise Fenced("Another reconciler has taken over.")
            yield session

    def take_fence(self) -> int:
        """Become the one reconciler: every older one can write nothing from now on."""
        with self.write() as session:
            held = session.get(Fence, RECONCILER, with_for_update=True)
            if held is None:
                held = Fence(name=RECONCILER, number=0)
                session.add(held)
            held.number += 1
            return held.number

    def upgrade(self) -> None:
        """Bring the tables to this version. Safe to call by several processes at once."""
        if self.version() != newest_version():
            with self.writing() as connection:
                migrate(connection, "head")

    def version(self) -> str | None:
        """The version of the tables; None where there are none yet."""
        with self._engine.connect() as connection:
            return version_of(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection for one transaction that may change tables."""
        with self._writer.begin() as connection:
            _take_turn(connection)
            yield connection

    @contextmanager
    def frozen(self) -> Iterator[Connection]:
        """A connection that sees a PostgreSQL database as it is at one moment."""
        still = self._engine.execution_options(isolation_level="REPEATABLE READ")
        with still.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def upgrade(url: str) -> None:
    """Bring a database's tables to this version; Alembic's 10 MB are best left to a child."""
    store = Store(url)
    store.upgrade()
    store.close()


def newest_version() -> str:
    """The version of the tables that this Labdock works with."""
    return max(file.name[:4] for file in VERSIONS.glob("*.py"))


def version_of(connection: Connection) -> str | None:
    """The version of a database's tables; None where there are none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return version


def migrate(connection: Connection, version: str) -> None:
    """Bring the tables to a version."""
    from alembic import command  # only where it is needed: it takes 8 MB of memory
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def check_database(url: str) -> bool:
    """Whether the database has tables of an older version.

    Raises NoDatabase where it does not answer, without what the URL holds, and NewerDatabase.
    """
    found = _find_version(url)
    if found is not None and found > newest_version():
        raise NewerDatabase(
            "The database is of a newer Labdock: start that version again, or go back with "
            "`labdock restore` to the backup that it made of the database at its first start."
        )
    return found is not None and found < newest_version()


def _find_version(url: str) -> str | None:
    try:
        store = Store(url)
        version = store.version()
        store.close()
        return version
    except (SQLAlchemyError, OSError, ValueError):
        raise NoDatabase("The database does not answer: see 'database_url'.") from None
    except ModuleNotFoundError as missing:
        raise NoDatabase(f"The database cannot be asked: {missing.name} is missing.") from None


def _with_driver(url: URL) -> URL:
    """PostgreSQL without a named driver is spoken to through psycopg 3."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _make_folder(url: URL) -> None:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _take_turn(connection: Connection) -> None:
    """SQLite has taken the write lock with BEGIN IMMEDIATE."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": WRITE_LOCK})


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """A commit is on the disk when it returns, so no power cut undoes what was answered.

    That costs one fsync for each: 0.3 ms on an SSD, where a commit without it takes 0.02 ms.
    """
    connection.isolation_level = None  # SQLAlchemy begins and ends transactions itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _turn_on_wal(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _turn_on_wal(cursor: sqlite3.Cursor) -> None:
    """SQLite itself does not wait here for another who opens a new database at the same moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
