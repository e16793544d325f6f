"""The store: tables, migrations and the only SQL. Each module holds the functions of one thing."""

from labdock_service.store.database import Fenced, Store, check_database, upgrade

__all__ = ["Fenced", "Store", "check_database", "upgrade"]
