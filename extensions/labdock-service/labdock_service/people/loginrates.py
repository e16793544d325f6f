"""How often a login may fail: for each address, and for each account.

Nobody can keep somebody else out: an address from which an account was logged in to before is not
held to that account's limit, whoever else guesses.
"""

from __future__ import annotations

from labdock_service.rates import Rate, Remembered

MINUTES = 15
KNOWN = 10_000
"""Pairs of an account and an address that are remembered."""


class LoginRates:
    """Counts what failed, in windows of a quarter of an hour."""

    def __init__(self, per_address: int, per_account: int) -> None:
        self._addresses = Rate(per_address, MINUTES)
        self._accounts = Rate(per_account, MINUTES)
        self._known = Remembered(KNOWN)

    def check(self, address: str, account: str) -> None:
        """Raises TooMany where another try has to wait."""
        self._addresses.check("Too many logins failed from your address", address)
        if f"{account} {address}" not in self._known:
            self._accounts.check(f"Too many logins as '{account[:100]}' failed", account)

    def note(self, address: str, account: str, *, right: bool) -> None:
        """Count a try by how it ended."""
        if right:
            self._known.add(f"{account} {address}")
        else:
            self._addresses.count(address)
            self._accounts.count(account)
