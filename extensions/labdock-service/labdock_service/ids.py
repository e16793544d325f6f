"""Ids: a letter for the kind of thing and ten characters of base 32."""

import base64
import hashlib
import secrets
from datetime import UTC, datetime


def new_id(letter: str) -> str:
    """A random id.

    `j` jobs, `x` grids, `s` snapshots, `m` models, `e` endpoints, `r` revisions, `k` keys,
    `n` notifications, `t` starts of servers.
    """
    return letter + _text(secrets.token_bytes(10))


def derived_id(letter: str, *parts: str) -> str:
    """The same id for the same parts, whoever asks first."""
    return letter + _text(hashlib.sha256("\0".join(parts).encode()).digest())


def person_id(name: str, created: str | datetime) -> str:
    """The id of the person whom the hub made under this name at this time."""
    return derived_id("p", name, normal_time(created))


def personal_project_id(person: str) -> str:
    """The id of the project that is a person's own."""
    return derived_id("g", person)


def normal_time(created: str | datetime) -> str:
    """One spelling for a time that the hub gives as text, or its database without a zone."""
    time = datetime.fromisoformat(created) if isinstance(created, str) else created
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()[:10]
