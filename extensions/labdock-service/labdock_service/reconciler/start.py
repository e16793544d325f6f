"""Puts a reconciler together from the settings."""

from __future__ import annotations

from labdock_service.engines.process import ProcessEngine
from labdock_service.reconciler.loop import Reconciler, own_pipe
from labdock_service.reconciler.parts import Limits, Parts
from labdock_service.settings import Settings
from labdock_service.store import Store


def open_reconciler(settings: Settings) -> Reconciler:
    """The one reconciler of this deployment: older ones can write nothing from here on."""
    state = settings.state
    store = Store(settings.database_url)
    store.upgrade()
    limits = Limits(
        cpus=settings.limits.cpus,
        memory=settings.limits.memory,
        gang_timeout=settings.gang_timeout,
    )
    return Reconciler(
        Parts(
            store=store,
            fence=store.take_fence(),
            engine=ProcessEngine(state, own_pipe(state)),
            state=state,
            limits=limits,
            notify=settings.notify,
            address=settings.public_address,
        )
    )
