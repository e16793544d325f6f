"""A PostgreSQL server of the tests' own, where the machine has one to start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def can_start() -> bool:
    """Whether PostgreSQL and a driver for it are installed."""
    return bool(INSTALLED) and find_spec("psycopg") is not None


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server that listens on a socket only and is gone afterwards.

    Its folder lies in /tmp wherever others lie: a socket's path has 107 bytes at most.
    """
    folder = Path(tempfile.mkdtemp(prefix="labdock-postgresql-", dir="/tmp"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    _run(user, "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "labdock", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    _run(
        user, "pg_ctl", "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start"
    )
    try:
        yield f"postgresql://labdock@/postgres?host={folder}"
    finally:
        _run(user, "pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@contextmanager
def database(server: str) -> Iterator[str]:
    """The URL of a new database on the server, dropped afterwards."""
    name = f"labdock_{uuid.uuid4().hex[:12]}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(user: str | None, program: str, *arguments: str) -> None:
    command = [str(INSTALLED[-1] / program), *arguments]
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, timeout=240)
