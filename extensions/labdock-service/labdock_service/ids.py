"""Ids: a letter for the kind of thing and ten characters of base 32."""

import base64
import hashlib
import secrets


def new_id(letter: str) -> str:
    """A random id: `j` jobs, `s` snapshots, `m` models, `e` endpoints, `r` revisions, `k` keys."""
    return letter + _text(secrets.token_bytes(10))


def derived_id(letter: str, *parts: str) -> str:
    """The same id for the same parts, whoever asks first."""
    return letter + _text(hashlib.sha256("\0".join(parts).encode()).digest())


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()[:10]
