"""The password login: the password that `make up` made, for one person or for a team."""

from __future__ import annotations

import hmac
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado import web
from traitlets import Bool

ONE_PERSON = (
    "This Labdock takes one person, because everything in it runs as one user of the machine. "
    "Its admin may set 'process.trusted_team' for a team whose members trust each other."
)


class PasswordLogin(SharedPasswordAuthenticator):  # type: ignore[misc]  # it has no types
    """Admins log in with the admin's password, others of a trusted team with the team's."""

    one_person = Bool(True, help="Refuse everybody but the admins.").tag(config=True)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Who logs in; None where the password is wrong. Raises 403 for a second person."""
        if not data["password"].isascii():
            return None  # the base class cannot compare it, and no password of ours is like it
        found: dict[str, Any] | None = await super().authenticate(handler, data)
        knows = hmac.compare_digest(data["password"], self.admin_password or "")
        if found is None and knows and self.one_person:
            raise web.HTTPError(403, ONE_PERSON)
        return found
