"""What `labdock up` does where a newer version changes the databases: a way back, then that."""

from __future__ import annotations

import time
from pathlib import Path

from jupyterhub.orm import DatabaseSchemaMismatch, check_db_revision
from sqlalchemy import create_engine

from labdock_service.backup import contents
from labdock_service.backup.making import Backup, Begin
from labdock_service.settings import Settings
from labdock_service.statefolder import StateFolder
from labdock_service.store import check_database, upgrade


def bring_up_to_date(settings: Settings, begin: Begin) -> Path | None:
    """Back the databases up where their tables have to change, and where that backup lies.

    The service's is changed here, and the hub changes its own when it starts. Raises NoDatabase,
    and NewerDatabase where a newer Labdock has changed the service's.
    """
    older = check_database(settings.database_url)
    if not (older or _hub_is_older(settings.state)):
        return None
    settings.state.backups.mkdir(mode=0o700, exist_ok=True)
    file = settings.state.backups / time.strftime("before-upgrade-%Y%m%d-%H%M%S.tar")
    Backup(settings, databases_only=True).write(file, begin)
    if older:
        begin("bringing the database up to date", 0)
        upgrade(settings.database_url)
    return file


def _hub_is_older(state: StateFolder) -> bool:
    """Whether JupyterHub would change the tables of its own database."""
    file = state.root / contents.HUB_DATABASE
    if not file.exists():
        return False
    engine = create_engine(f"sqlite:///{file}")
    try:
        check_db_revision(engine)
    except DatabaseSchemaMismatch:
        return True
    finally:
        engine.dispose()
    return False
