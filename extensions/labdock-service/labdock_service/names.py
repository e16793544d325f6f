"""The hub's names for people, made of the names that a login knows them by."""

from __future__ import annotations

import getpass
import re

from labdock_service.ids import derived_id

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""A name of a person or a project, which is also a folder's and a part of addresses."""

MARK = "--"
"""Stands in every name that was changed and in none that was not."""

ACCOUNT = "project--"
"""How the names of projects' own accounts begin, as which nobody logs in."""

HUB_NAME = rf"^({ACCOUNT})?{NAME[1:]}"
"""A name that the hub knows: a person's, or that of a project's own account."""


def hub_name(said: str) -> str:
    """The hub's name for whom a login calls `said`, such as `ann.smith` or an address.

    Two of a login's names never become one: what cannot stay as it is gets an ending of its own.
    None of them is that of a project's own account.
    """
    said = said.lower()
    if re.fullmatch(NAME, said) and MARK not in said:
        return said
    plain = re.sub(r"[^a-z0-9]", "-", said)[:50].strip("-") or "user"
    if is_account(f"{plain}{MARK}"):
        plain = f"user-{plain}"[:50].strip("-")
    return f"{plain}{MARK}{derived_id('', said)}"


def account_of(project: str) -> str:
    """The hub's name for a project itself, whose server its members share."""
    return f"{ACCOUNT}{project}"


def is_account(name: str) -> bool:
    """Whether this is the name of a project's own account, and nobody's."""
    return name.startswith(ACCOUNT)


def own_name() -> str:
    """A name for the hub, made from the name that the machine knows this person by."""
    name = re.sub(r"[^a-z0-9]+", "-", getpass.getuser().lower()).strip("-")[:63].strip("-")
    return name if name and name != "root" else "admin"
