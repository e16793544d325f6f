"""Real receivers of notifications: a mail server, and a web server that notes what it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """A request to a webhook."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hooks:
    """Answers requests with the statuses of `answers`, then with 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of this machine that signs itself, and a server's use of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file, private = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return file, context


@contextlib.contextmanager
def webhooks(secure: ssl.SSLContext | None = None) -> Iterator[Hooks]:
    """A web server on this machine."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.received.append(Received(self.path, dict(self.headers), body))
            self.send_response(hooks.answers.pop(0) if hooks.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    hooks.url = f"http{'s' if secure else ''}://127.0.0.1:{server.server_port}/hooks/x7k?y=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mailbox:
    """Keeps what comes; refuses addresses at `nobody`, and all of it as often as `busy` says."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.busy = 0
        self.port = 0

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        del server, session
        if self.busy:
            self.busy -= 1
            return "451 4.3.0 try again later"
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
    del server, session, envelope, mechanism
    known = LoginPassword(b"labdock", b"mail-password")
    return AuthResult(success=data == known, handled=False)


@contextlib.contextmanager
def mail_server(*, login: bool = False, secure: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A mail server on this machine, which asks for a login or does not."""
    mailbox = Mailbox()
    talk = functools.partial(
        SMTP,
        mailbox,
        auth_required=login,
        auth_require_tls=False,
        authenticator=_knows,
        tls_context=secure,
        require_starttls=secure is not None,
    )
    started: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()
    end = asyncio.Event()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(talk, "127.0.0.1", 0)
        mailbox.port = server.sockets[0].getsockname()[1]
        started.put(loop)
        await end.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    loop = started.get(timeout=30)
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
