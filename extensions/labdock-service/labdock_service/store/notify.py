"""How people are told that their jobs end: what they set, and what is to be sent."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from labdock.personal import Notify, NotifyChange
from labdock_service.errors import Invalid
from labdock_service.ids import new_id
from labdock_service.names import is_account
from labdock_service.sealing import Seal, Unsealable
from labdock_service.store.tables import JobRow, NotifyRow, OutboxRow, PersonRow

MAIL, HOOK = "email", "webhook"
_SEALED = "webhook"
NOBODY = "A project's own server tells nobody that jobs end: set this in your own server."


@dataclass(frozen=True)
class Target:
    """Where a webhook's JSON goes, and what it is signed with."""

    url: str = field(repr=False)
    key: str = field(repr=False)


def find(session: Session, person_id: str) -> NotifyRow | None:
    """What a person set."""
    return session.get(NotifyRow, person_id)


def change(
    session: Session, seal: Seal, person: PersonRow, asked: NotifyChange, host: str | None
) -> Notify:
    """Change what a person set; `host` is that of a new webhook."""
    row = find(session, person.id) or NotifyRow(person_id=person.id, when="always")
    session.add(row)
    key = None
    if asked.when is not None:
        row.when = asked.when
    if asked.email is not None:
        row.email = asked.email or None
    if asked.webhook is not None:
        key = "ldw_" + secrets.token_urlsafe(32) if asked.webhook else None
        row.webhook = _sealed(seal, person.id, asked.webhook, key)
        row.webhook_host = host if asked.webhook else None
    if (asked.email, asked.webhook) != (None, None):
        row.last = row.problem = None
        _drop(session, row)
    session.flush()
    return view(row, key)


def check_set(session: Session, person: PersonRow) -> None:
    """Raise Invalid where the person has not said where they are told of anything."""
    if is_account(person.name):
        raise Invalid(NOBODY, field="notify")
    if not channels(find(session, person.id)):
        raise Invalid(
            "You have not said where you are told: see `labdock notify --help`.", field="notify"
        )


def view(row: NotifyRow | None, key: str | None = None) -> Notify:
    """Its wire form; the key is there once."""
    if row is None:
        return Notify(email=None, webhook=None, when="always")
    return Notify(
        email=row.email,
        webhook=row.webhook_host and f"{row.webhook_host}/…",
        when=row.when,  # type: ignore[arg-type]
        last=row.last,
        problem=row.problem,
        signing_key=key,
    )


def channels(row: NotifyRow | None) -> list[str]:
    """Through what the person is told."""
    if row is None:
        return []
    return [name for name, set_ in ((MAIL, row.email), (HOOK, row.webhook)) if set_]


def wanted(session: Session, job: JobRow, *, failed: bool) -> list[str]:
    """Through what the owner wants to be told that this job, or its grid, ended so.

    Nobody is told for a project: who set that may be in it no longer.
    """
    row = find(session, job.owner_id)
    if row is None or job.notify is False or is_account(job.owner.name):
        return []
    return channels(row) if job.notify or failed or row.when == "always" else []


def target(seal: Seal, row: NotifyRow) -> Target:
    """The webhook. Raises sealing.Unsealable."""
    return Target(*json.loads(seal.open(row.person_id, _SEALED, row.webhook or "")))


def renew(session: Session, seal: Seal) -> None:
    """Seal every webhook with the newest key; one that cannot be read any more stays as it is."""
    for row in session.scalars(select(NotifyRow).where(NotifyRow.webhook.is_not(None))):
        with suppress(Unsealable):
            row.webhook = seal.renew(row.webhook or "")


# What is to be sent


def put(session: Session, job: JobRow, channel: str, message: dict[str, Any], now: float) -> None:
    """Have the owner told; the caller's transaction is that of the end."""
    session.add(
        OutboxRow(
            id=new_id("n"),
            person_id=job.owner_id,
            channel=channel,
            message=message,
            created=now,
            due=now,
            tries=0,
        )
    )


def due(session: Session, now: float) -> list[OutboxRow]:
    """What is to be sent now: of each person's channels what has waited longest."""
    queue = (OutboxRow.person_id, OutboxRow.channel)
    place = func.row_number().over(partition_by=queue, order_by=(OutboxRow.due, OutboxRow.id))
    ranked = select(OutboxRow.id, place.label("place")).where(OutboxRow.due <= now).subquery()
    query = select(OutboxRow).join(ranked, ranked.c.id == OutboxRow.id).where(ranked.c.place == 1)
    return list(session.scalars(query.order_by(OutboxRow.due)))


def waiting(session: Session, row: OutboxRow) -> OutboxRow | None:
    """A row as it is now; None where it is not to be sent any more."""
    return session.get(OutboxRow, row.id)


def next_due(session: Session, now: float) -> float | None:
    """When the next is to be sent that is not due yet."""
    later = select(OutboxRow.due).where(OutboxRow.due > now)
    return session.scalar(later.order_by(OutboxRow.due).limit(1))


def put_off(session: Session, row: OutboxRow, now: float, again: float, problem: str) -> None:
    """It did not arrive, and is tried again."""
    fresh, settings = waiting(session, row), find(session, row.person_id)
    if fresh is not None and settings is not None:
        fresh.due, fresh.tries = again, fresh.tries + 1
        settings.last, settings.problem = now, problem


def settle(session: Session, sent: OutboxRow, now: float, problem: str | None) -> None:
    """It arrived, or was given up for this reason; nothing of what was dropped meanwhile."""
    fresh, row = waiting(session, sent), find(session, sent.person_id)
    if fresh is None:
        return
    if row is not None:
        row.last, row.problem = now, problem
    session.delete(fresh)


def _drop(session: Session, row: NotifyRow) -> None:
    """Send nothing more through what is set no longer."""
    kept = channels(row)
    session.execute(
        delete(OutboxRow).where(
            OutboxRow.person_id == row.person_id, OutboxRow.channel.not_in(kept)
        )
    )


def _sealed(seal: Seal, person_id: str, url: str, key: str | None) -> str | None:
    return seal.close(person_id, _SEALED, json.dumps([url, key])) if url else None
