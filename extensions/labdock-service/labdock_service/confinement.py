"""Whom containers run as, and what is taken from each of them."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Any

CONFINED: MappingProxyType[str, Any] = MappingProxyType(
    {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "read_only": True}
)
"""In the words of Docker's client: no right of root's, none to be got, and nothing to be written
but what is mounted."""


def account() -> tuple[int, int]:
    """The user and group that containers run as: this one's, and never root."""
    return os.getuid() or 1000, os.getgid() or 1000


def is_own_account() -> bool:
    """Whether containers run as this very account."""
    return account() == (os.getuid(), os.getgid())
