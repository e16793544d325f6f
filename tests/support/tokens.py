"""An issuer of registry tokens, as public registries have: what a bearer challenge leads to."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from tests.support.registry import LOGIN

ISSUER = "tests"


class Issuer(ThreadingHTTPServer):
    """Gives everybody tokens to read, and those with the login tokens to write."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = self._certificate()
        self.asked: list[str] = []

    def settings(self, folder: Path) -> dict[str, Any]:
        """The section `auth` of a registry that believes its tokens."""
        bundle = folder / "issuer.pem"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        realm = f"http://127.0.0.1:{self.server_port}/token"
        told = {"realm": realm, "service": "registry", "issuer": ISSUER}
        return {"token": {**told, "rootcertbundle": str(bundle)}}

    def token(self, scopes: list[str], may_write: bool) -> str:
        chain = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER))
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain.decode()]}
        now = int(time.time())
        times = {"iat": now, "nbf": now - 60, "exp": now + 600}
        body = {
            "iss": ISSUER,
            "sub": "",
            "aud": "registry",
            "jti": "1",
            **times,
            "access": [_access(scope, may_write) for scope in scopes],
        }
        signed = b".".join(_encoded(json.dumps(part).encode()) for part in (head, body))
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _encoded(signature)).decode()

    def _certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        self.server.asked += scopes
        wanted = [part for scope in scopes for part in scope.split()]
        said = self.headers.get("Authorization", "")
        login = base64.b64encode(f"{LOGIN.name}:{LOGIN.password}".encode()).decode()
        answer = json.dumps({"token": self.server.token(wanted, said == f"Basic {login}")})
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _access(scope: str, may_write: bool) -> dict[str, Any]:
    kind, name, actions = scope.split(":")
    allowed = [one for one in actions.split(",") if may_write or one == "pull"]
    return {"type": kind, "name": name, "actions": allowed}


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
