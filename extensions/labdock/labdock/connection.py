"""Where Labdock is, and who asks: from the environment, which the hub sets in a notebook."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from labdock.errors import NotConnected

SERVICE = "/services/labdock"

_NO_ADDRESS = (
    "Set LABDOCK_URL to the hub's address, such as http://127.0.0.1:8000: "
    "outside of a notebook of the hub it is not known."
)
_BAD_ADDRESS = "LABDOCK_URL must be the hub's address, such as http://127.0.0.1:8000."
_BAD_TOKEN = "LABDOCK_TOKEN is no token: set it again, to all of what `labdock token NAME` printed."
_NO_TOKEN = "Set LABDOCK_TOKEN to a token; `labdock token NAME` on the hub's machine makes one."


@dataclass(frozen=True)
class Connection:
    """The hub's address without a slash at its end, a token, and the person if known."""

    hub: str
    token: str = field(repr=False)
    person: str | None = None
    public: str | None = None
    """The hub's address for people, where it is known to be another."""
    project: str | None = None
    """The project whose own server this is."""
    authority: str | None = None
    """A file of the authority that the hub's certificate is to be trusted by."""

    @property
    def api(self) -> str:
        """The address of the service's API."""
        return f"{self.hub}{SERVICE}/api/"

    @property
    def in_hub(self) -> bool:
        """Whether this is a person's server of that hub, which said who they are."""
        return self.person is not None

    @property
    def local(self) -> bool:
        """Whether the hub is on this machine, where no proxy leads to it."""
        host = urlsplit(self.hub).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def absolute(self, path: str) -> str:
        """The whole address of a path under the hub, with the hub's prefix or without."""
        return _under(self.hub, path)

    def for_people(self, path: str) -> str:
        """The same, for a browser or a program anywhere."""
        return _under(self.public or self.hub, path)


def _under(hub: str, path: str) -> str:
    parts = urlsplit(hub)
    if parts.path and not path.startswith(f"{parts.path}/"):
        path = parts.path + path
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def find_connection(environ: Mapping[str, str] = os.environ) -> Connection:
    """Read LABDOCK_URL and LABDOCK_TOKEN, or the token that the hub gave this server.

    LABDOCK_CA names a file of the authority to trust, where this machine does not know it.
    """
    url = environ.get("LABDOCK_URL")
    if not url:
        raise NotConnected(_NO_ADDRESS)
    authority = environ.get("LABDOCK_CA") or None
    if token := environ.get("LABDOCK_TOKEN"):
        if not (token.isascii() and token.isprintable()):
            raise NotConnected(_BAD_TOKEN)
        return Connection(_hub_address(url), token, authority=authority)
    if token := environ.get("JUPYTERHUB_API_TOKEN"):
        public = environ.get("JUPYTERHUB_PUBLIC_HUB_URL")
        return Connection(
            hub=_hub_address(url),
            token=token,
            person=environ.get("JUPYTERHUB_USER"),
            public=_hub_address(public) if public else None,
            project=environ.get("LABDOCK_PROJECT") or None,
            authority=authority,
        )
    raise NotConnected(_NO_TOKEN)


def _hub_address(url: str) -> str:
    """The hub's address, also from an address of one of its pages or of the service."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise NotConnected(_BAD_ADDRESS)
    path = parts.path + "/"
    for page in (f"{SERVICE}/", "/hub/"):
        path = path.partition(page)[0]
    return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/"), "", ""))
