"""How the person who asks is told that their jobs end."""

from __future__ import annotations

import re

from fastapi import APIRouter

from labdock.personal import Notify, NotifyChange
from labdock_service.api.access import Caller, person_row
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import Parts, PartsOf, Reading, Writing
from labdock_service.api.problems import describe
from labdock_service.delivery.webhook import check_url
from labdock_service.errors import Forbidden, Invalid
from labdock_service.names import is_account
from labdock_service.store import notify

router = APIRouter(tags=["notifications"], route_class=StrictRoute)

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


@router.get("/notify", responses=describe())
def get_notify(caller: Caller, session: Reading) -> Notify:
    """What you set, and what became of the last notification."""
    return notify.view(notify.find(session, caller.id))


@router.patch("/notify", responses=describe(413))
def change_notify(body: NotifyChange, caller: Caller, parts: PartsOf, session: Writing) -> Notify:
    """Change it. The answer to a new webhook has the key that its requests are signed with."""
    if is_account(caller.name):
        raise Forbidden(notify.NOBODY)
    host = None
    if body.email:
        _check_email(body.email, parts)
    if body.webhook:
        host = check_url(body.webhook, parts.settings.notify.webhook_hosts)
    return notify.change(session, parts.seal, person_row(session, caller), body, host)


def _check_email(address: str, parts: Parts) -> None:
    if not parts.settings.notify.smtp_host:
        raise Invalid(
            "This Labdock sends no e-mail: its admin sets 'notify.smtp_host' for that; "
            "a webhook works without.",
            field="email",
        )
    if not _ADDRESS.fullmatch(address):
        raise Invalid("Write one address, such as ada@example.org.", field="email")
