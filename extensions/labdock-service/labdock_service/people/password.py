"""The password login: the password that `make up` made, for one person or for a team."""

from __future__ import annotations

import hmac
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado import web
from traitlets import Int, Unicode

from labdock_service.errors import TooMany
from labdock_service.people.loginrates import LoginRates

ONE_USER = (
    "This Labdock takes one person, because everything in it runs as one user of the machine. "
    "Its admin may set 'process.trusted_team' for a team whose members trust each other."
)
ONE_PASSWORD = (
    "This Labdock takes one person, because it has one password. Its admin may take another "
    "'auth.kind', or set 'process.trusted_team' for a team whose members trust each other."
)


class PasswordLogin(SharedPasswordAuthenticator):  # type: ignore[misc]  # it has no types
    """Admins log in with the admin's password, others of a trusted team with the team's."""

    one_person = Unicode(ONE_USER, help="Why only admins get in; empty: all do.").tag(config=True)
    per_address = Int(0, help="Failed logins of an address; 0 is no limit.").tag(config=True)
    per_account = Int(0, help="Failed logins of an account; 0 is no limit.").tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._rates = LoginRates(self.per_address, self.per_account)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Who logs in; None where the password is wrong.

        Raises 403 for a second person, and 429 where it failed too often, also for the right
        password: else one could go on guessing.
        """
        if handler is None:  # a check of JupyterHub's own, of nobody's request
            return await self._check(handler, data)
        address = handler.request.remote_ip
        account = self.normalize_username(data["username"])
        try:
            self._rates.check(address, account)
        except TooMany as error:
            raise _refusal(error) from None
        found = await self._check(handler, data)
        self._rates.note(address, account, right=found is not None)
        return found

    async def _check(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        if not data["password"].isascii():
            return None  # the base class cannot compare it, and no password of ours is like it
        found: dict[str, Any] | None = await super().authenticate(handler, data)
        knows = hmac.compare_digest(data["password"], self.admin_password or "")
        if found is None and knows and self.one_person:
            raise web.HTTPError(403, self.one_person)
        return found


def _refusal(error: TooMany) -> Any:
    refusal: Any = web.HTTPError(429, str(error))
    refusal.headers = {"Retry-After": str(error.seconds)}  # which the hub's error page takes on
    return refusal
