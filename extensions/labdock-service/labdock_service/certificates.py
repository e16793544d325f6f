"""The certificate that Labdock shows to browsers: what it is for, and whether it can be used."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labdock_service.errors import Invalid

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# cryptography is imported where it is used: it takes 8 MB of memory.


def names_of(certificate: Path) -> list[str]:
    """The names and addresses that it is for; none where it cannot be read."""
    try:
        return _names(_read_certificate(certificate))
    except Invalid:
        return []


def trusting(certificate: Path) -> ssl.SSLContext:
    """Trust in whoever shows this one, by whatever name: our own proxy, asked on this machine."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def covers(names: Iterable[str], host: str) -> bool:
    """Whether one of a certificate's names is this host, or stands for it with a `*`."""
    parent = f"*.{host.partition('.')[2]}"
    return any(name.lower() in (host.lower(), parent.lower()) for name in names)


def days_left(certificate: Path) -> float:
    """How long it is good for. Raises Invalid where it cannot be read."""
    left = _read_certificate(certificate).not_valid_after_utc - datetime.now(UTC)
    return left.total_seconds() / 86400


def check(certificate: Path, key: Path, hosts: Iterable[str]) -> None:
    """Refuse a pair that browsers would not take for these hosts. Raises Invalid."""
    found = _read_certificate(certificate)
    if _public_bytes(found.public_key()) != _public_bytes(_read_key(key)):
        raise Invalid("'tls.certificate' and 'tls.key' do not belong together: name the pair.")
    now = datetime.now(UTC)
    if found.not_valid_after_utc < now:
        ended = f"{found.not_valid_after_utc:%Y-%m-%d}"
        raise Invalid(f"The certificate of 'tls.certificate' expired on {ended}: renew it.")
    if found.not_valid_before_utc > now:
        begins = f"{found.not_valid_before_utc:%Y-%m-%d}"
        raise Invalid(f"The certificate of 'tls.certificate' is good from {begins} on only.")
    for host in hosts:
        if not covers(_names(found), host):
            told = ", ".join(_names(found)) or "no name at all"
            raise Invalid(f"The certificate of 'tls.certificate' is for {told}, not for '{host}'.")


def _names(certificate: Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = found.get_values_for_type(x509.IPAddress)
    return [*found.get_values_for_type(x509.DNSName), *map(str, addresses)]


def _read_certificate(file: Path) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_read(file, "tls.certificate"))[0]
    except ValueError:
        raise Invalid(f"'tls.certificate' names '{file.name}', which is no PEM file.") from None


def _read_key(file: Path) -> object:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(_read(file, "tls.key"), None).public_key()
    except TypeError:
        raise Invalid(f"'tls.key' names '{file.name}', which is under a password.") from None
    except ValueError:
        raise Invalid(f"'tls.key' names '{file.name}', which is no PEM file of a key.") from None


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "refused").lower()
        raise Invalid(f"'{setting}' names '{file.name}', which cannot be read: {reason}.") from None


def _public_bytes(key: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kind = PublicFormat.SubjectPublicKeyInfo
    read: bytes = key.public_bytes(Encoding.DER, kind)  # type: ignore[attr-defined]
    return read
