"""Webhooks: JSON to an address that a person named, and to no place inside.

The host's name is looked up once, and what it leads to is what is connected to, so that a name
cannot lead to one place when it is checked and to another when it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from labdock_service.delivery.messages import Hook, Undelivered
from labdock_service.errors import Invalid

SECONDS = 10.0
"""How long the other side may be silent."""
DEADLINE = 30.0
"""How long all of it may take."""
MOST_ADDRESSES = 3
"""Addresses of one host that are tried."""
LATER = (408, 425, 429)
"""Answers after which another try may succeed, like all from 500 on."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE = ipaddress.ip_network("::/96")
"""Addresses that hold one of IPv4, as nobody has written them for long."""


def check_url(url: str, allowed: Collection[str]) -> str:
    """The host of a webhook's address. Raises Invalid where nothing may be sent there."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        host, parts = None, SplitResult("", "", "", "", "")
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not host or not plain:
        raise Invalid("A webhook is an address such as https://example.org/x7k.", field="webhook")
    if parts.username is not None:
        raise Invalid("A webhook's address has no user in it.", field="webhook")
    if host not in allowed and not _may_be_public(host):
        raise Invalid(_inside(host), field="webhook")
    return host


def send_hook(hook: Hook, allowed: Collection[str]) -> None:
    """Send it, following nothing. Raises Undelivered."""
    host = urlsplit(hook.url).hostname or ""
    try:
        with _connected(hook.url, allowed) as connection:
            connection.request("POST", _target(hook.url), hook.body, _headers(hook))
            status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        reason = "its certificate is not valid" if isinstance(error, ssl.SSLError) else "no answer"
        raise Undelivered(f"{host} could not be told: {reason}.", final=False) from None
    if not 200 <= status < 300:
        passing = status in LATER or status >= 500
        hint = ": give the address that it leads to" if 300 <= status < 400 else ""
        raise Undelivered(f"{host} answered with {status}{hint}.", final=not passing)


def sign(key: str, body: bytes) -> str:
    """What the header `Labdock-Signature` says of a body."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _headers(hook: Hook) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Labdock",
        "Labdock-Delivery": hook.id,
        "Labdock-Signature": sign(hook.key, hook.body),
    }


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class _Connection(HTTPConnection):
    """A connection to addresses that were looked up and found good before."""

    def __init__(self, parts: SplitResult, addresses: list[str]) -> None:
        self._addresses = addresses
        self._secure = parts.scheme == "https"
        self.default_port = 443 if self._secure else 80
        super().__init__(parts.hostname or "", parts.port or self.default_port, timeout=SECONDS)

    def connect(self) -> None:
        """Connect to the first that answers."""
        self.sock = _first_of(self._addresses, self.port)
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()

    def cut(self) -> None:
        """End what goes on in another thread."""
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _first_of(addresses: list[str], port: int) -> socket.socket:
    problem = OSError()
    for address in addresses[:MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, port), SECONDS)
        except OSError as error:
            problem = error
    raise problem


@contextmanager
def _connected(url: str, allowed: Collection[str]) -> Iterator[HTTPConnection]:
    """A connection that ends by its deadline, however slowly the other side answers."""
    parts = urlsplit(url)
    connection = _Connection(parts, _addresses(parts.hostname or "", allowed))
    limit = threading.Timer(DEADLINE, connection.cut)
    limit.daemon = True
    limit.start()
    try:
        connection.connect()
        yield connection
    finally:
        limit.cancel()
        connection.close()


def _addresses(host: str, allowed: Collection[str]) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        never = isinstance(error, UnicodeError)
        raise Undelivered(f"Nothing is known at {host}.", final=never) from None
    addresses = [str(entry[4][0]) for entry in found]
    if host not in allowed and not all(map(is_public, addresses)):
        raise Undelivered(_inside(host), final=True)
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is one of the internet's, also where it is wrapped in another."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in COMPATIBLE or address.is_site_local:
            return False
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return address.is_global and not address.is_multicast


def _may_be_public(host: str) -> bool:
    """Whether a host is a name, of which only a look-up says more, or a public address."""
    try:
        return is_public(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def _inside(host: str) -> str:
    return (
        f"{host} is not on the internet: Labdock's admin may list it as one of "
        "'notify.webhook_hosts'."
    )
