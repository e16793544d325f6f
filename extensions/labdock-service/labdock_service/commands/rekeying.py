"""`labdock rekey`."""

from __future__ import annotations

from labdock_service.sealing import Seal
from labdock_service.settings import Settings
from labdock_service.store import Store, notify, secrets


def renew_keys(settings: Settings) -> list[str]:
    """Seal everything with a new key, also while Labdock runs; what could not be opened.

    Where this breaks off, the older keys are still there for what they sealed.
    """
    seal, store = Seal(settings.state.secret_keys), Store(settings.database_url)
    store.upgrade()
    with store.write() as session:
        seal.add_key()
        lost = secrets.renew(session, seal)
        notify.renew(session, seal)
    seal.drop_keys()
    store.close()
    return lost
