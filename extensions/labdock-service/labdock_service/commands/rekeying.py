"""`labdock rekey`."""

from __future__ import annotations

from labdock_service.errors import Conflict
from labdock_service.sealing import Seal
from labdock_service.settings import Settings
from labdock_service.store import Store, check_database, notify, secrets


def renew_keys(settings: Settings) -> list[str]:
    """Seal everything with a new key, also while Labdock runs; what could not be opened.

    Where this breaks off, the older keys are still there for what they sealed. Raises Conflict
    where the database is of an older version.
    """
    if check_database(settings.database_url):
        raise Conflict("The database is of an older version: `make up` brings it up to date first.")
    seal, store = Seal(settings.state.secret_keys), Store(settings.database_url)
    store.upgrade()
    with store.write() as session:
        seal.add_key()
        lost = secrets.renew(session, seal)
        notify.renew(session, seal)
    seal.drop_keys()
    store.close()
    return lost
