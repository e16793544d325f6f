"""Puts a reconciler together from the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

from labdock_service.delivery.messages import MailServer
from labdock_service.engines.opening import EngineChoice, open_engine
from labdock_service.findings import Policy
from labdock_service.reconciler.loop import Reconciler, own_pipe
from labdock_service.reconciler.oldercurves import move_older_curves
from labdock_service.reconciler.parts import Limits, Parts
from labdock_service.reconciler.servers import HubServers
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store
from labdock_service.wakeup import wake


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the reconciler needs of the settings."""

    state: StateFolder
    database_url: str
    engine: EngineChoice
    limits: Limits
    policy: Policy
    mail: MailServer
    webhook_hosts: list[str]
    address: str


def read_setup() -> Setup:
    """Read the settings. Raises SettingsError.

    What reads them takes 8 MB, so this is for a process that ends.
    """
    from labdock_service.settings import load_settings

    settings = load_settings()
    limits, notify = settings.limits, settings.notify
    return Setup(
        state=settings.state,
        database_url=settings.database_url,
        engine=EngineChoice.of(settings),
        limits=Limits(cpus=limits.cpus, memory=limits.memory, gang_timeout=settings.gang_timeout),
        policy=Policy.of(settings.images),
        mail=MailServer(
            host=notify.smtp_host,
            port=notify.smtp_port,
            security=notify.smtp_security,
            user=notify.smtp_user,
            password=notify.smtp_password.get_secret_value(),
            sender=notify.sender,
        ),
        webhook_hosts=notify.webhook_hosts,
        address=settings.public_address,
    )


def open_reconciler(setup: Setup) -> Reconciler:
    """The one reconciler of this deployment: older ones can write nothing from here on."""
    state = setup.state
    store = Store(setup.database_url)
    fence = store.take_fence()
    move_older_curves(state)
    engine = open_engine(setup.engine, state, own_pipe(state))
    return Reconciler(
        Parts(
            store=store,
            fence=fence,
            engine=engine,
            registry=setup.engine.registry,
            state=state,
            limits=setup.limits,
            policy=setup.policy,
            mail=setup.mail,
            webhook_hosts=setup.webhook_hosts,
            address=setup.address,
            servers=HubServers(os.environ, engine.runs_server, partial(wake, own_pipe(state))),
        )
    )
