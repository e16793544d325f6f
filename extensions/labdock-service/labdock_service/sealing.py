"""Seals what the database keeps and may not show: secrets, and where notifications go.

The keys are in a file beside the database, so that the database alone, or a copy of it, opens
nothing. Whose a sealed text is and what it is called are sealed with it: moved to another
place it opens no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.errors import ServiceError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

# cryptography is imported where it is used: it takes 8 MB of memory.


class Unsealable(ServiceError):
    """A sealed text that these keys do not open, or that is not of this place."""


class Seal:
    """Seals and opens with the keys of a file, one a line: the newest first, then the older."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def close(self, owner: str, name: str, value: str) -> str:
        """The value, sealed as this owner's of this name. The first makes the key."""
        if not self._file.exists():
            self._make_first()
        place = json.dumps([owner, name, value])
        return self._keys().encrypt(place.encode()).decode()

    def open(self, owner: str, name: str, sealed: str) -> str:
        """The value that was sealed as this owner's of this name. Raises Unsealable."""
        place = self._with_keys(lambda keys: keys.decrypt(sealed.encode()))
        known_owner, known_name, value = json.loads(place)
        if (known_owner, known_name) != (owner, name):
            raise Unsealable("What was stored here belongs to something else.")
        return str(value)

    def renew(self, sealed: str) -> str:
        """The same, sealed with the newest key. Raises Unsealable."""
        return self._with_keys(lambda keys: keys.rotate(sealed.encode())).decode()

    def add_key(self) -> None:
        """Make a key that is used from now on; the older ones open what they sealed."""
        self._write([_make_key(), *self._known()]).replace(self._file)

    def drop_keys(self) -> None:
        """Forget the keys that nothing is sealed with, but for the one before the newest.

        Somebody may just have read what was sealed with that one.
        """
        self._write(self._known()[:2]).replace(self._file)

    def _known(self) -> list[str]:
        return self._file.read_text().split() if self._file.exists() else []

    def _with_keys(self, use: Callable[[MultiFernet], bytes]) -> bytes:
        from cryptography.fernet import InvalidToken

        try:
            return use(self._keys())
        except InvalidToken:
            raise Unsealable("The key that this was stored with is gone.") from None

    def _keys(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        try:
            return MultiFernet([Fernet(key) for key in self._file.read_text().split()])
        except (FileNotFoundError, ValueError):
            raise Unsealable(f"There are no keys in {self._file.name}.") from None

    def _make_first(self) -> None:
        """Where two processes come here at once, the key of one counts."""
        fresh = self._write([_make_key()])
        try:
            os.link(fresh, self._file)
        except FileExistsError:
            return
        finally:
            fresh.unlink()

    def _write(self, keys: list[str]) -> Path:
        """A file of its own with these keys, which is on the disk."""
        fresh = self._file.with_name(f".{self._file.name}.{os.urandom(4).hex()}")
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            stream.write("\n".join(keys) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return fresh


def _make_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
