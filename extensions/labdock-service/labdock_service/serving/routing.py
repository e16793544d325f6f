"""Who answers a request: the tables as they are now, keys, and the split of traffic."""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote, unquote

from labdock_service.errors import Forbidden, NotFound, ServiceError
from labdock_service.serving.tables import (
    ENDPOINTS,
    KEYS,
    Route,
    RouteKey,
    Target,
    read_endpoints,
    read_keys,
)

logger = logging.getLogger(__name__)

KEY_PREFIX = "ldk_"
_MODEL = r"/v1/models/[^/:]+(?P<which>/versions/\d+|/labels/[^/:]+)?"
_NAMES = r"(?i)(?P<project>[^/:]+)/(?P<name>[^/:]+?)"
_ADDRESSES = {
    "POST": re.compile(rf"{_NAMES}(?:{_MODEL})?(?P<verb>:(?:predict|classify|regress))"),
    "GET": re.compile(rf"{_NAMES}(?:{_MODEL})?(?P<verb>/metadata)?/?"),
}

Row = TypeVar("Row")


class KeyMissing(ServiceError):
    """No key came with the request, or one that is no key any more."""

    status, code = 401, "key_missing"


@dataclass(frozen=True)
class Address:
    """What a request asks for: an endpoint, and the rest of the model server's address."""

    project: str
    name: str
    which: str
    verb: str

    def under(self, target: Target) -> str:
        """The same on a model server."""
        return f"{target.url}/v1/models/{quote(target.model, safe='')}{self.which}{self.verb}"


def read_address(method: str, path: str) -> Address:
    """Read a path under the router's own. Raises NotFound."""
    pattern = _ADDRESSES.get(method)
    found = pattern.fullmatch(path) if pattern else None
    if found is None:
        raise NotFound(
            "There is nothing at this address: POST to PROJECT/NAME:predict, or GET PROJECT/NAME "
            "for the state and PROJECT/NAME/metadata for the inputs and outputs."
        )
    return Address(
        unquote(found["project"]), unquote(found["name"]), found["which"] or "", found["verb"] or ""
    )


class Table(Generic[Row]):
    """A table on disk, read again when it was replaced; broken or gone, it stays as it was."""

    def __init__(self, file: Path, read: Callable[[Path], Sequence[Row]]) -> None:
        self._file = file
        self._read = read
        self._stamp: tuple[int, int, int] | None = None
        self._rows: Sequence[Row] = ()

    def rows(self) -> Sequence[Row]:
        """The last good table."""
        try:
            status = self._file.stat()
        except OSError:
            return self._rows
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._reload()
        return self._rows

    def _reload(self) -> None:
        try:
            self._rows = self._read(self._file.parent)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            logger.warning("%s is broken: going on with what it said before.", self._file.name)


class Tables:
    """The endpoints and their keys."""

    def __init__(self, folder: Path) -> None:
        self._routes = Table[Route](folder / ENDPOINTS, read_endpoints)
        self._keys = Table[RouteKey](folder / KEYS, read_keys)

    def find(self, address: Address) -> Route | None:
        """The endpoint of that project and name."""
        wanted = (address.project, address.name)
        routes = self._routes.rows()
        return next((route for route in routes if (route.project, route.name) == wanted), None)

    def open(self, address: Address, authorization: str, now: float) -> Route:
        """The endpoint, for who has one of its keys.

        Without a valid key nobody learns whether an endpoint is there: raises KeyMissing,
        Forbidden for a credential that is no key, and NotFound for another endpoint's key.
        """
        key = self._key(_secret(authorization), now)
        route = self.find(address)
        if route is None or route.id != key.endpoint:
            raise NotFound(
                f"There is no endpoint '{address.project}/{address.name}' that this key opens."
            )
        return route

    def _key(self, secret: str, now: float) -> RouteKey:
        digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest().encode()
        found = None
        for key in self._keys.rows():
            if hmac.compare_digest(key.sha256.encode(), digest):
                found = key
        if found is None:
            raise KeyMissing("This key is not known or was revoked: make another one.")
        if found.expires is not None and found.expires <= now:
            raise KeyMissing("This key has expired: make another one.")
        return found


def _secret(authorization: str) -> str:
    scheme, _, secret = authorization.strip().partition(" ")
    secret = secret.strip()
    if not secret:
        raise KeyMissing(
            "Send one of the endpoint's keys with the header 'Authorization: Bearer ldk_...'."
        )
    if scheme.lower() != "bearer" or not secret.startswith(KEY_PREFIX):
        raise Forbidden(
            "Only an endpoint's own keys open it, no hub token and no password: "
            "send the header 'Authorization: Bearer ldk_...'."
        )
    return secret


def choose(traffic: Sequence[Target], without: str | None = None) -> Target | None:
    """One of the revisions by weight, none where none has any; `without` is a URL to avoid."""
    able = [target for target in traffic if target.weight > 0 and target.url != without]
    if len(able) < 2:
        return able[0] if able else None
    return random.choices(able, [target.weight for target in able])[0]
