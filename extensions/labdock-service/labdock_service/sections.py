"""The sections of the settings: each a table of `labdock.toml`, with what its keys may be."""

from __future__ import annotations

import ipaddress
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from labdock_service.names import NAME, hub_name


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_split)]
"""A list of names; in a variable they stand with commas between them."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _address(value: str) -> str:
    return str(ipaddress.ip_address(value))


Addresses = Annotated[list[Annotated[str, AfterValidator(_address)]], BeforeValidator(_split)]
"""A list of IP addresses; in a variable they stand with commas between them."""

ProjectName = Annotated[str, StringConstraints(pattern=NAME)]


class Section(BaseModel):
    """A table of `labdock.toml`; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AuthSettings(Section):
    """How people log in."""

    kind: Literal["password", "github", "google", "oidc"] = "password"
    """A password made at the first start, GitHub, Google, or any OpenID Connect provider."""
    client_id: str = ""
    """What the provider knows this hub by."""
    client_secret: SecretStr = SecretStr("")
    """What the provider gave this hub with it."""
    callback_url: str = ""
    """The address that the provider sends people back to; the hub's own where it is empty."""
    authorize_url: str = ""
    """For `oidc`: where the provider asks people to log in."""
    token_url: str = ""
    """For `oidc`: where the provider gives tokens."""
    userdata_url: str = ""
    """For `oidc`: where the provider says who somebody is."""
    username_claim: str = "preferred_username"
    """For `oidc`: the part of its answer that is the person's name."""
    title: str = "your account"
    """What the login page calls the provider."""
    scope: Names = ["openid", "profile", "email"]
    """For `oidc`: what is asked of the provider."""
    allowed_users: Names = []
    """Who may log in besides the admins; `*` is everybody whom the login knows."""
    hosted_domain: Names = []
    """For `google`: the organizations whose people alone may log in; one is left out of names."""

    @model_validator(mode="after")
    def _complete(self) -> AuthSettings:
        client = ["client_id", "client_secret", "allowed_users"]
        needed: dict[str, list[str]] = {
            "password": [],
            "oidc": [*client, "authorize_url", "token_url", "userdata_url"],
        }
        for name in needed.get(self.kind, client):
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise problem(f"Set 'auth.{name}' too: 'auth.kind' is '{self.kind}'.")
        if self.hosted_domain and self.kind != "google":
            raise problem("Take 'auth.hosted_domain' out: it is for the 'auth.kind' google.")
        return self

    def hub_name(self, said: str) -> str:
        """The hub's name for somebody whom the login calls this."""
        if self.kind == "password" or said == "*":
            return said
        if len(self.hosted_domain) == 1:
            said = said.lower().removesuffix(f"@{self.hosted_domain[0].lower()}")
        return hub_name(said)


class ProcessSettings(Section):
    """The process engine."""

    trusted_team: bool = False
    """Several people who trust each other: all kernels and jobs run as one user."""


def _pool(value: str) -> str:
    pool = ipaddress.IPv4Network(value)
    if not pool.is_private or pool.prefixlen > 24:
        raise ValueError("it is no private range of 24 bits or fewer, such as 10.213.0.0/16")
    return str(pool)


def _range(value: str) -> str:
    return str(ipaddress.IPv4Network(value))


LEAST_MEMORY = 512_000_000
"""Bytes below which no notebook works."""


class DockerSettings(Section):
    """The Docker engine: people's servers, jobs and models in containers."""

    registry: str = ""
    """The team's registry, as `HOST:PORT`; where it is empty, Labdock runs one here."""
    registry_user: str = ""
    """The account there for pushing and pulling images; nobody logs in where it is empty."""
    registry_password: SecretStr = SecretStr("")
    """That account's password; better as LABDOCK_DOCKER__REGISTRY_PASSWORD than in the file."""
    registry_port: Annotated[int, Field(ge=1, le=65535)] = 5080
    """The port of the registry that Labdock runs, on 127.0.0.1."""
    images_kept_days: PositiveInt = 30
    """Days that the registry keeps an image of a snapshot that no job or model version names."""
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$")] = (
        "labdock"
    )
    """Begins the name of every container, network and volume."""
    subnet: Annotated[str, AfterValidator(_pool)] = "10.213.0.0/16"
    """Private addresses that the networks of people and jobs are cut out of."""
    reachable: Annotated[list[Annotated[str, AfterValidator(_range)]], BeforeValidator(_split)] = []
    """Private ranges that containers may reach, such as a package mirror's `10.0.7.4/32`."""
    server_cpus: PositiveFloat = 2.0
    """CPUs of a person's server, where they choose no other number."""
    server_memory: Annotated[ByteSize, Field(ge=LEAST_MEMORY)] = ByteSize(4_000_000_000)
    """Memory of a person's server, where they choose no other, such as `4GB`."""
    server_pids: PositiveInt = 1024
    """Processes and threads that a person's server may have at once."""


class IgnoredFinding(Section):
    """A finding that may pass for a while: `[images.ignore.CVE-2026-12345]`."""

    until: date
    """The last day on which it may, such as `2027-01-31`."""
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
    """Why it does no harm here until then."""


class ImagesSettings(Section):
    """Where images from elsewhere come from, and which findings of a scan keep an image out."""

    mirror: str = ""
    """The registry that `labdock images mirror` filled; the images' own ones where it is empty."""
    ca: Path | None = None
    """A PEM file of certificates that building trusts, in a closed network."""
    index: str = ""
    """The package index that building installs from; the usual one where it is empty."""
    network: str = ""
    """Docker's network that building runs in, such as `host`."""
    severity: Literal["negligible", "low", "medium", "high", "critical"] = "critical"
    """The least grave finding that keeps an image out."""
    ignore: dict[str, IgnoredFinding] = {}
    """Findings that may pass until a date, by name."""


class LimitSettings(Section):
    """What people's work may take of this machine; no value means all there is."""

    source_bytes: ByteSize = ByteSize(200_000_000)
    """The largest source that may be submitted, such as `200MB`."""
    cpus: PositiveFloat | None = None
    """CPUs that jobs and models may take in all."""
    memory: Annotated[ByteSize, Field(gt=0)] | None = None
    """Memory that jobs and models may take in all, such as `32GB`: also one that names no limit."""


class IdleSettings(Section):
    """Servers that nobody uses."""

    cull_after: PositiveInt = 3600
    """Seconds without activity after which a person's server is stopped."""
    release_gpu_after: Annotated[int, Field(ge=0)] = 1800
    """Seconds without a running cell after which a person's server gives its GPU back; 0 is never.

    A kernel that has the GPU open keeps it: nothing that it holds in memory is lost.
    """


class TensorBoardSettings(Section):
    """The TensorBoard of each project."""

    reload_seconds: PositiveFloat = 2.0
    """Seconds between two looks at the logs."""


class NotifySettings(Section):
    """How people are told that their jobs have ended."""

    smtp_host: str = ""
    """The mail server that Labdock's mail goes through; there is no e-mail where it is empty."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    """That server's port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is encrypted; `tls` is mostly on port 465."""
    smtp_user: str = ""
    """The account at that server; nobody logs in where it is empty."""
    smtp_password: SecretStr = SecretStr("")
    """That account's password; better as LABDOCK_NOTIFY__SMTP_PASSWORD than in the file."""
    sender: str = ""
    """The address that Labdock's mail is from."""
    hub_url: str = ""
    """Labdock's address as people reach it, for links; `http://HOST:PORT` where it is empty."""
    webhook_hosts: Names = []
    """Hosts that webhooks may lead to although their addresses are not public."""

    @model_validator(mode="after")
    def _complete(self) -> NotifySettings:
        if self.smtp_host and "@" not in self.sender:
            raise problem("Set 'notify.sender' to an address too: 'notify.smtp_host' is set.")
        return self


class TlsSettings(Section):
    """How what goes between people and Labdock is encrypted."""

    certificate: str = ""
    """The PEM file of the certificate, and after it those that lead to its authority."""
    key: str = ""
    """The PEM file of its key."""
    authority: str = ""
    """The PEM file of its authority, for notebooks, where their machine does not know it."""
    redirect_from: Port | None = None
    """A port on which a browser that comes by http is sent on to https, such as 80."""
    proxies: Addresses = []
    """Addresses of proxies of yours before Labdock, which speak https with people."""
    plain_http: bool = False
    """Listen on more than the loopback without encryption: the network is trusted."""

    @model_validator(mode="after")
    def _complete(self) -> TlsSettings:
        if bool(self.certificate) != bool(self.key):
            there, missing = ("certificate", "key") if self.certificate else ("key", "certificate")
            raise problem(f"Set 'tls.{missing}' too: 'tls.{there}' is set.")
        if self.redirect_from and not self.certificate:
            raise problem("Set 'tls.certificate' too: 'tls.redirect_from' is set.")
        return self

    @property
    def secure(self) -> bool:
        """Whether people come by https."""
        return bool(self.certificate or self.proxies)

    @property
    def hops(self) -> list[str]:
        """The proxies' addresses, also as an IPv6 socket gives those of IPv4."""
        return [*self.proxies, *(f"::ffff:{address}" for address in self.proxies)]

    def under(self, folder: Path) -> TlsSettings:
        """The same, its files counted from a folder."""
        names = ("certificate", "key", "authority")
        given = {name: getattr(self, name) for name in names}
        files = {
            name: str(folder / Path(file).expanduser()) for name, file in given.items() if file
        }
        return self.model_copy(update=files)


class RateSettings(Section):
    """How often something may be asked for; 0 is no limit."""

    logins_per_address: NonNegativeInt = 30
    """Failed logins from one address in a quarter of an hour."""
    logins_per_account: NonNegativeInt = 10
    """The same for one account, from addresses where nobody has logged in to it before."""
    requests_per_minute: NonNegativeInt = 6000
    """Requests of one person to Labdock's API in a minute."""
    strangers_per_minute: NonNegativeInt = 300
    """Requests of one address to it in a minute, with no token that the hub knows."""


class ProjectSettings(Section):
    """A project that several people share; its admins are members too."""

    members: Names = []
    """Who sees the project's jobs, models, endpoints and curves."""
    admins: Names = []
    """Who may change all of them."""

    @property
    def people(self) -> list[str]:
        """Everybody in it."""
        return sorted({*self.members, *self.admins})


def problem(sentence: str) -> PydanticCustomError:
    """A validator's error whose message is the whole sentence."""
    return PydanticCustomError("labdock", "{sentence}", {"sentence": sentence})
