"""A reconciler beside an API, and a Jupyter server with Labdock's extension."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tests.support.api import Api

from labdock_service.engines.base import Engine
from labdock_service.reconciler.loop import Reconciler
from labdock_service.reconciler.parts import Parts
from labdock_service.store import Store


@contextlib.contextmanager
def reconciling_beside(api: Api, engine: Engine) -> Iterator[None]:
    store = Store(api.parts.settings.database_url)
    made = Reconciler(
        Parts(store=store, fence=store.take_fence(), engine=engine, state=api.parts.state)
    )
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield
    finally:
        made.stop()
        thread.join(90)
        made.close()
