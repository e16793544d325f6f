"""The whole database as one SQLite file, and back: the same file whichever database it is of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import (
    JSON,
    Connection,
    MetaData,
    Table,
    create_engine,
    make_url,
    select,
    text,
)

from labdock_service.errors import ServiceError
from labdock_service.store.database import (
    VERSION_TABLE,
    NewerDatabase,
    Store,
    migrate,
    newest_version,
    version_of,
)

ROWS = 1000
"""Rows that are copied at once."""


class Damaged(ServiceError):
    """A database file that SQLite finds faults in."""

    code = "damaged"


def save_database(url: str, target: Path) -> None:
    """Copy a database into a new SQLite file as it is at one moment, whoever writes meanwhile."""
    if make_url(url).get_backend_name() == "sqlite":
        save_sqlite(Path(make_url(url).database or ""), target)
        return
    store = Store(url)
    try:
        with store.frozen() as source:
            _copy_to_file(source, target)
    finally:
        store.close()


def save_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite file that may be in use."""
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")


def _copy_to_file(source: Connection, target: Path) -> None:
    engine = create_engine(f"sqlite:///{target}")
    with engine.begin() as writing:
        migrate(writing, version_of(source) or "head")
        _copy_rows(source, writing)
    engine.dispose()


def load_database(file: Path, url: str) -> None:
    """Put what `save_database` made into a PostgreSQL database in place of all that is there."""
    store = Store(url)
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.connect() as source, store.writing() as target:
            _drop_all(target)
            migrate(target, version_of(source) or "head")
            _copy_rows(source, target)
            _go_on_counting(target)
    finally:
        engine.dispose()
        store.close()


def check_file(file: Path) -> None:
    """Refuse a saved database that cannot be used here. Raises Damaged, or NewerDatabase."""
    try:
        with closing(sqlite3.connect(file)) as opened:
            (found,) = opened.execute("PRAGMA quick_check").fetchone()
            (version,) = opened.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except (sqlite3.DatabaseError, TypeError):
        found, version = "broken", ""
    if found != "ok":
        raise Damaged("The backup's database is damaged.")
    if version > newest_version():
        raise NewerDatabase("This backup is of a newer Labdock: restore it with that version.")


def named_environments(file: Path) -> set[str]:
    """The digests of the environments that a saved database's snapshots were made for."""
    with closing(sqlite3.connect(file)) as opened:
        return {row[0] for row in opened.execute("SELECT DISTINCT environment FROM snapshots")}


def is_empty(url: str) -> bool:
    """Whether a database has no tables yet. Raises SQLAlchemyError where it does not answer."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite" and not Path(place.database or "").exists():
        return True  # to ask would make it
    store = Store(url)
    try:
        return store.version() is None
    finally:
        store.close()


def _copy_rows(source: Connection, target: Connection) -> None:
    theirs, ours = _tables(source), _tables(target)
    for table in ours.sorted_tables:
        if table.name != VERSION_TABLE:
            rows = source.execution_options(yield_per=ROWS).execute(
                select(theirs.tables[table.name])
            )
            for part in rows.mappings().partitions():
                target.execute(table.insert(), [dict(row) for row in part])


def _tables(connection: Connection) -> MetaData:
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.tables.values():
        _keep_nulls(table)
    return tables


def _keep_nulls(table: Table) -> None:
    """No value stays no value, where JSON would write its own `null`."""
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=True)


def _drop_all(target: Connection) -> None:
    tables = MetaData()
    tables.reflect(target)
    tables.drop_all(target)


def _go_on_counting(target: Connection) -> None:
    """Have PostgreSQL's sequences go on after the highest number that was copied."""
    for table in _tables(target).sorted_tables:
        for column in table.primary_key:
            asked = {"table": table.name, "column": column.name}
            sequence = target.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), asked)
            highest = target.scalar(select(column).order_by(column.desc()).limit(1))
            if sequence and highest:
                target.execute(
                    text("SELECT setval(:name, :value)"), {"name": sequence, "value": highest}
                )
