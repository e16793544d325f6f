"""The client of an OCI registry: manifests and blobs by digest, over its own protocol.

A registry that cannot be reached is Unavailable, a login that it refuses is Forbidden, and what
it does not have is NotFound, each with a sentence that names the registry.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from labdock.digests import sha256
from labdock_service.errors import Forbidden, Invalid, NotFound, ServiceError, Unavailable

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""The kinds of manifest that are asked for."""

TIMEOUTS = (10, 300)
"""Seconds for a connection, and between two parts of an answer."""

NO_SPACE = f'"Err":{errno.ENOSPC}'
"""In the words in which a registry says what its disk told it."""

CHUNK = 1 << 20

CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Login:
    """An account at a registry."""

    name: str
    password: str = field(repr=False)

    @property
    def for_docker(self) -> dict[str, str]:
        """As Docker is told it."""
        return {"username": self.name, "password": self.password}


@dataclass(frozen=True)
class RegistryPlace:
    """Where a registry is, and how to log in there; plain data, for another process too."""

    address: str
    login: Login | None = None

    def login_for(self, image: str) -> Login | None:
        """The account for an image; none for one of another registry, which must not learn it."""
        return self.login if image.startswith(f"{self.address}/") else None


class _Header(AuthBase):
    """An Authorization header as it is; without one, none of the machine's own either."""

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class Registry:
    """A registry at `HOST` or `HOST:PORT`; without TLS where that is this machine."""

    def __init__(self, address: str, login: Login | None = None) -> None:
        self.address = address
        self._base = f"{'http' if _is_loopback(address) else 'https'}://{address}/v2/"
        self._login = login
        self._session = requests.Session()
        self._known: dict[str, AuthBase] = {}
        self._usual: AuthBase = _Header()
        """For what it was not asked yet."""

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of the manifest that a tag or digest names; None where there is none."""
        answer = self._ask("HEAD", f"{repository}/manifests/{reference}", headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        self._expect(answer, 200)
        return answer.headers.get("Docker-Content-Digest") or sha256(
            self.manifest(repository, reference)
        )

    def manifest(self, repository: str, reference: str) -> bytes:
        """A manifest, or index of several, as its bytes."""
        answer = self._ask("GET", f"{repository}/manifests/{reference}", headers=_ACCEPT)
        self._expect(answer, 200, what=f"{repository} {reference}")
        if reference.startswith("sha256:") and sha256(answer.content) != reference:
            raise self._wrong(repository, reference)
        return answer.content

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository has this blob, whole: of a full disk a broken link is left."""
        answer = self._ask("HEAD", f"{repository}/blobs/{digest}")
        if answer.status_code != 404 and answer.status_code < 500:
            self._expect(answer, 200)
        return answer.status_code == 200

    def mount(self, repository: str, digest: str, source_repository: str) -> bool:
        """Give the repository a blob that another one has; False where that one lacks it."""
        query = {"mount": digest, "from": source_repository}
        answer = self._ask("POST", f"{repository}/blobs/uploads/", params=query)
        self._expect(answer, 201, 202)
        if answer.status_code == 202:
            self._ask("DELETE", answer.headers["Location"])
        return answer.status_code == 201

    def push_blob(self, repository: str, digest: str, path_or_bytes: Path | bytes) -> None:
        """Send a blob; the registry refuses one that has another digest."""
        begun = self._ask("POST", f"{repository}/blobs/uploads/")
        self._expect(begun, 202)
        done = self._ask(
            "PUT",
            begun.headers["Location"],
            body=path_or_bytes,
            params={"digest": digest},
            headers={"Content-Type": "application/octet-stream"},
        )
        self._expect(done, 201)

    def blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """A blob's content in parts; an error at its end where it has another digest."""
        answer = self._ask("GET", f"{repository}/blobs/{digest}", stream=True)
        self._expect(answer, 200, what=f"{repository} {digest}")
        hashed = hashlib.sha256()
        try:
            for part in answer.iter_content(CHUNK):
                hashed.update(part)
                yield part
        except requests.RequestException:
            raise self._silent() from None
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise self._wrong(repository, digest)

    def push_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        """Send a manifest under a tag or its digest; the answer is its digest."""
        answer = self._ask(
            "PUT",
            f"{repository}/manifests/{reference}",
            body=data,
            headers={"Content-Type": media_type},
        )
        self._expect(answer, 201)
        return sha256(data)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Delete a manifest with the tags that name it; what is gone already is gone."""
        answer = self._ask("DELETE", f"{repository}/manifests/{digest}")
        if answer.status_code == 405:
            raise Invalid(
                f"The registry {self.address} deletes nothing: allow it in its settings "
                "(`storage.delete.enabled`)."
            )
        if answer.status_code != 404:
            self._expect(answer, 202)

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, sorted; none where there is no such repository."""
        return sorted(self._listed(f"{repository}/tags/list", "tags"))

    def repositories(self) -> list[str]:
        """The repositories that the registry lists, sorted."""
        return sorted(self._listed("_catalog", "repositories"))

    def _listed(self, path: str, key: str) -> Iterator[str]:
        """A list that comes in pages."""
        following: str | None = path
        while following:
            answer = self._ask("GET", following)
            if answer.status_code == 404:
                return
            self._expect(answer, 200)
            yield from answer.json().get(key) or ()
            following = answer.links.get("next", {}).get("url")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask, and once more with a login where the registry wants one."""
        url = urljoin(self._base, path)
        if urlsplit(url).netloc != self.address:  # the login is for no other host
            raise Invalid(f"The registry {self.address} sends uploads elsewhere: name that host.")
        key = _authorization_key(method, url, options.get("params"))
        answer = self._send(method, url, self._known.get(key, self._usual), **options)
        if answer.status_code != 401:
            return answer
        self._known[key] = self._authorization(answer)
        return self._send(method, url, self._known[key], **options)

    def _send(
        self, method: str, url: str, auth: AuthBase, *, body: Path | bytes = b"", **options: Any
    ) -> requests.Response:
        with ExitStack() as opened:
            data = opened.enter_context(body.open("rb")) if isinstance(body, Path) else body
            try:
                return self._session.request(
                    method, url, auth=auth, data=data, timeout=TIMEOUTS, **options
                )
            except requests.RequestException:
                raise self._silent() from None

    def _authorization(self, refused: requests.Response) -> AuthBase:
        """What a registry's challenge asks for: the login itself, or a token of its issuer."""
        scheme, _, said = refused.headers.get("WWW-Authenticate", "").partition(" ")
        basic = HTTPBasicAuth(self._login.name, self._login.password) if self._login else None
        if scheme.lower() == "bearer":
            return self._token(dict(CHALLENGE.findall(said)), basic or _Header())
        if basic is None:
            raise Forbidden(f"The registry {self.address} wants a login.")
        self._usual = basic
        return basic

    def _token(self, challenge: dict[str, str], auth: AuthBase) -> AuthBase:
        issuer = challenge.pop("realm", "")
        answer = self._send("GET", urljoin(self._base, issuer), auth, params=challenge)
        self._expect(answer, 200)
        body = answer.json()
        return _Header(f"Bearer {body.get('token') or body.get('access_token')}")

    def _expect(self, answer: requests.Response, *codes: int, what: str = "this") -> None:
        """Raise what an answer with another status means; `what` was asked for."""
        status = answer.status_code
        if status in codes:
            return
        if status in (401, 403):
            raise Forbidden(f"The registry {self.address} refuses the login for this.")
        if status == 404:
            raise NotFound(f"The registry {self.address} does not have {what}.")
        if status >= 500 and NO_SPACE in answer.text:
            raise Unavailable(f"The disk of the registry {self.address} has no space left.")
        if status >= 500 or status == 429:
            raise Unavailable(f"The registry {self.address} cannot answer now ({status}).")
        raise Invalid(f"The registry {self.address} refuses this: {_reason(answer)}.")

    def _silent(self) -> ServiceError:
        return Unavailable(f"The registry {self.address} does not answer: see that it runs.")

    def _wrong(self, repository: str, digest: str) -> ServiceError:
        return Unavailable(
            f"The registry {self.address} sent something else than {repository}@{digest}."
        )


_ACCEPT = {"Accept": ", ".join(MANIFESTS)}


def _authorization_key(method: str, url: str, query: dict[str, str] | None) -> str:
    """What one token is good for: reading or writing one repository."""
    repository = re.split(r"/(?:blobs|manifests|tags)/", url, maxsplit=1)[0]
    source = (query or {}).get("from", "")
    return f"{'read' if method in ('GET', 'HEAD') else 'write'} {repository} {source}"


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]") if ":" in address else address
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(answer: requests.Response) -> str:
    """The registry's own words, or the status."""
    try:
        said = answer.json()["errors"][0]
        return f"{said['message']} ({said['code'].lower()})"
    except (ValueError, LookupError, TypeError):
        return str(answer.status_code)
