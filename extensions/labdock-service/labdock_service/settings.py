"""The settings of a deployment: `labdock.toml` and LABDOCK_* variables in one typed model.

A variable wins over the file. `LABDOCK_PORT` is `port`; a setting of a section is written
with two underscores: `LABDOCK_LIMITS__CPUS` is `cpus` under `[limits]`. A key that does not
exist and a value that cannot be are each a SettingsError: one sentence that names the key.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    PositiveFloat,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from labdock_service import certificates
from labdock_service.bootstrap import CHECKOUT
from labdock_service.errors import Invalid
from labdock_service.names import NAME, account_of, is_account, own_name
from labdock_service.sections import (
    AuthSettings,
    DockerSettings,
    IdleSettings,
    ImagesSettings,
    LimitSettings,
    Names,
    NotifySettings,
    Port,
    ProcessSettings,
    ProjectName,
    ProjectSettings,
    RateSettings,
    Section,
    TensorBoardSettings,
    TlsSettings,
    problem,
)
from labdock_service.statefolder import StateFolder

FILE_NAME = "labdock.toml"
PREFIX = "LABDOCK_"
DOMAIN = r"^$|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""What a `domain` looks like: labels of a-z, 0-9 and hyphens."""

OTHER_VARIABLES = frozenset(
    {
        "LABDOCK_SETTINGS",
        "LABDOCK_URL",
        "LABDOCK_TOKEN",
        "LABDOCK_CA",
        "LABDOCK_RELEASE_GPU_AFTER",
        "LABDOCK_STOP_AFTER",
        "LABDOCK_ENVIRONMENT_TITLE",
        "LABDOCK_PROJECT",
    }
)
"""Variables that begin with LABDOCK_ and are not settings: this file's place, and the client's."""

SQLITE = "sqlite:///"
DATABASES = (SQLITE, "postgresql://", "postgresql+psycopg://")
"""How a `database_url` begins."""

SECRETS = ("client_secret", "database_url", "registry_password", "smtp_password")
"""Settings whose values never stand in a message."""


class SettingsError(Invalid):
    """A setting that does not exist or cannot have its value; the message is one sentence."""


def _state_folder(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("it is empty")
    try:
        return StateFolder(Path(value).expanduser()) if isinstance(value, str | Path) else value
    except RuntimeError:
        raise ValueError("it is in the home of nobody here") from None


def _database(value: Any) -> Any:
    if isinstance(value, str) and value and not value.startswith(DATABASES):
        raise ValueError("it begins with neither 'sqlite:///' nor 'postgresql://'")
    return value


class Settings(BaseSettings):
    """One deployment's settings, read with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        enable_decoding=False,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """The address that Labdock listens on."""
    port: Port = 8000
    """The port that Labdock listens on."""
    domain: Annotated[str, StringConstraints(pattern=DOMAIN)] = ""
    """The name that people reach Labdock by; each person's server is at `PERSON.DOMAIN` then."""
    state: Annotated[StateFolder, BeforeValidator(_state_folder)] = StateFolder(Path(".labdock"))
    """The one folder that holds all state; a relative path counts from the file's folder."""
    database_url: Annotated[str, BeforeValidator(_database)] = ""
    """The service's database; a SQLite file in the state folder where it is empty."""
    engine: Literal["process", "docker"] = "process"
    """What runs servers, jobs and models: processes of one account, or Docker's containers."""
    admins: Names = []
    """Who administers the hub; the one who started Labdock where it is empty."""
    default_environment: str = ""
    """An environment's name; the one that `make up` makes where it is empty."""
    gang_timeout: PositiveFloat = 120.0
    """Seconds that a job's workers have to find each other."""
    auth: AuthSettings = AuthSettings()
    process: ProcessSettings = ProcessSettings()
    docker: DockerSettings = DockerSettings()
    images: ImagesSettings = ImagesSettings()
    limits: LimitSettings = LimitSettings()
    idle: IdleSettings = IdleSettings()
    tensorboard: TensorBoardSettings = TensorBoardSettings()
    notify: NotifySettings = NotifySettings()
    tls: TlsSettings = TlsSettings()
    rates: RateSettings = RateSettings()
    projects: dict[ProjectName, ProjectSettings] = {}
    """Projects that several people share: `[projects.NAME]` with `members` and `admins`."""
    _file: Path = PrivateAttr(default_factory=lambda: Path.cwd() / FILE_NAME)

    @property
    def file(self) -> Path:
        """The file that they were read from; it need not be there."""
        return self._file

    @property
    def folder(self) -> Path:
        """Where that file lies, and beside it the hub's configuration."""
        return self._file.parent

    @property
    def door(self) -> str:
        """Where the proxy listens, as this machine reaches it."""
        return f"{self._scheme}://{_in_address(self.machine)}:{self.port}"

    @property
    def address(self) -> str:
        """The hub's address for programs on this machine; by https a name of the certificate."""
        if not self.tls.certificate:
            return self.door
        hosts = [self.machine, self.host, *self.certified_hosts[:1], *self._names]
        return f"https://{_in_address(self._certified(hosts))}:{self.port}"

    @property
    def public_address(self) -> str:
        """The hub's address for people."""
        if self.notify.hub_url:
            return self.notify.hub_url.rstrip("/")
        if self.tls.proxies:
            return f"https://{self.domain}"
        if self.domain:
            return f"{self._scheme}://{self.domain}:{self.port}"
        if not self.tls.certificate or _is_loopback(self.host):
            return self.address
        hosts = [self.host, *(name for name in self._names if not _is_loopback(name))]
        return f"https://{_in_address(self._certified(hosts))}:{self.port}"

    @property
    def login_callback(self) -> str:
        """Where a login's provider sends people back to."""
        return self.auth.callback_url or f"{self.public_address}/hub/oauth_callback"

    @property
    def certified_hosts(self) -> list[str]:
        """What a certificate has to be for."""
        given = urlsplit(self.notify.hub_url).hostname if not self.tls.proxies else None
        servers = [f"anybody.{self.domain}"] if self.domain else []
        return [*([given] if given else []), *([self.domain] if self.domain else []), *servers]

    @property
    def project_accounts(self) -> dict[str, str]:
        """The projects that have a server of their own, by the hub's names of their accounts.

        Where one person alone gets in, nobody works together.
        """
        one_person = self.auth.kind == "password" and not self.process.trusted_team
        return {} if one_person else {account_of(project): project for project in self.projects}

    @property
    def machine(self) -> str:
        """The host that this machine reaches the proxy by."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "localhost") else self.host

    @property
    def _scheme(self) -> str:
        return "https" if self.tls.certificate else "http"

    @property
    def _names(self) -> list[str]:
        """What the certificate is for."""
        return certificates.names_of(Path(self.tls.certificate))

    def _certified(self, hosts: Iterable[str]) -> str:
        """The first of these that the certificate is for; this machine where none is."""
        fitting = (host for host in hosts if certificates.covers(self._names, host))
        return next((host for host in fitting if "*" not in host), self.machine)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A variable wins over the file, whose content comes as init arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @model_validator(mode="after")
    def _one_trusted_person(self) -> Settings:
        if self.process.trusted_team:
            return self
        if self.engine == "docker":
            return self._one_password_one_person()
        if not _is_loopback(self.host):
            raise problem(
                f"'host' may not be '{self.host}' with the process engine, whose kernels run as "
                "one user: keep '127.0.0.1', or set 'process.trusted_team' for a team that "
                "trusts each other."
            )
        if self.auth.kind != "password":
            raise problem(
                f"'auth.kind' may not be '{self.auth.kind}' with the process engine, whose "
                "kernels run as one user: keep 'password', or set 'process.trusted_team' for a "
                "team that trusts each other."
            )
        if len(people := self._people()) > 1:
            raise problem(
                f"The process engine, whose kernels run as one user, takes one person and the "
                f"settings name {len(people)}: {', '.join(people)}. Keep one, or set "
                "'process.trusted_team' for a team that trusts each other."
            )
        return self

    def _one_password_one_person(self) -> Settings:
        if self.auth.kind == "password" and len(people := self._people()) > 1:
            raise problem(
                f"The login 'password' gives all people one password, and the settings name "
                f"{len(people)}: {', '.join(people)}. Take another 'auth.kind', or set "
                "'process.trusted_team' for a team that trusts each other."
            )
        return self

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Settings:
        if not (_is_loopback(self.host) or self.tls.secure or self.tls.plain_http):
            raise problem(
                f"'host' may not be '{self.host}' without encryption: set 'tls.certificate' and "
                "'tls.key'; or 'tls.proxies' where a proxy of yours stands before Labdock; or "
                "'tls.plain_http' where the network is trusted."
            )
        if self.tls.proxies and not (self.domain or self.notify.hub_url):
            raise problem(
                "Set 'notify.hub_url' too, to the address that people reach your proxy at: "
                "'tls.proxies' is set."
            )
        return self

    @model_validator(mode="after")
    def _by_ipv4(self) -> Settings:
        if self.engine == "docker" and ":" in self.host and self.host != "::":
            raise problem(
                f"'host' may not be '{self.host}' with the Docker engine, whose containers come by "
                "IPv4: set '::' to listen on all addresses of both kinds."
            )
        return self

    @model_validator(mode="after")
    def _one_name(self) -> Settings:
        given = urlsplit(self.notify.hub_url)
        if self.domain and given.hostname and given.hostname != self.domain:
            raise problem(
                f"'domain' is '{self.domain}' and 'notify.hub_url' is at '{given.hostname}': "
                "people reach Labdock by one name."
            )
        if self.tls.secure and self.notify.hub_url and given.scheme != "https":
            raise problem("'notify.hub_url' begins with 'https://' where [tls] is set.")
        if (self.tls.secure or self.domain) and given.path.strip("/"):
            raise problem("'notify.hub_url' names a host, and a port if need be, but no path.")
        return self

    @model_validator(mode="after")
    def _names_to_type(self) -> Settings:
        for name in self._people() if self.auth.kind == "password" else ():
            if name != "*" and not re.fullmatch(NAME, name):
                raise problem(f"'{name}' cannot log in: write names with a-z, 0-9 and hyphens.")
        return self

    @model_validator(mode="after")
    def _nobody_is_a_project(self) -> Settings:
        for name in filter(is_account, map(str.lower, self._people())):
            raise problem(
                f"'{name}' is nobody: names that begin with 'project--' are those of projects' own "
                "accounts, as which nobody logs in."
            )
        return self

    def _people(self) -> list[str]:
        """Everybody whom the settings name, the admins first."""
        members = [name for project in self.projects.values() for name in project.people]
        admins = self.admins or [own_name()]
        return list(dict.fromkeys([*admins, *self.auth.allowed_users, *members]))


def load_settings(file: Path | None = None) -> Settings:
    """The deployment's settings. Raises SettingsError.

    The file is `file`, what LABDOCK_SETTINGS names, the nearest from here upwards, or that of
    the checkout which this code is of.
    Relative paths count from the folder of the file.
    """
    file = (file or find_file()).absolute()
    data = _read(file)
    _refuse_unknown_variables(os.environ)
    try:
        settings = Settings(**data)
    except ValidationError as error:
        sentence, key = _sentence(error.errors()[0], file.name)
        raise SettingsError(sentence, field=key) from None
    return _settle(settings, file)


def settings_environment(settings: Settings) -> dict[str, str]:
    """The variables with which another process loads these same settings."""
    mine = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    return mine | {"LABDOCK_SETTINGS": str(settings.file)}


def _settle(settings: Settings, file: Path) -> Settings:
    """Put in what depends on where the deployment lies."""
    state = StateFolder((file.parent / settings.state.root).resolve())
    url = settings.database_url or f"sqlite:///{state.database}"
    if url.startswith(SQLITE):
        url = f"{SQLITE}{file.parent / url.removeprefix(SQLITE)}"
    settled = settings.model_copy(
        update={"state": state, "database_url": url, "tls": settings.tls.under(file.parent)}
        | _with_hub_names(settings)
    )
    settled._file = file
    return settled


def _with_hub_names(settings: Settings) -> dict[str, Any]:
    """The settings that name people, by the hub's names for them."""

    def known(section: BaseModel, *lists: str) -> dict[str, list[str]]:
        said = ((name, getattr(section, name)) for name in lists)
        return {name: list(map(settings.auth.hub_name, people)) for name, people in said}

    return {
        "admins": known(settings, "admins")["admins"] or [own_name()],
        "auth": settings.auth.model_copy(update=known(settings.auth, "allowed_users")),
        "projects": {
            name: project.model_copy(update=known(project, "members", "admins"))
            for name, project in settings.projects.items()
        },
    }


def find_file() -> Path:
    """The settings' file: see `load_settings`. Raises SettingsError."""
    if named := os.environ.get("LABDOCK_SETTINGS"):
        return Path(named)
    here = Path.cwd()
    found = (folder / FILE_NAME for folder in (here, *here.parents, CHECKOUT))
    if file := next((file for file in found if file.is_file()), None):
        return file
    raise SettingsError(
        f"This is no Labdock folder: run it where {FILE_NAME} is, or name that file with "
        "LABDOCK_SETTINGS."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"'{file.name}' cannot be read as text.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"'{file.name}' is not valid TOML: {error}.") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        key = name.removeprefix(PREFIX).lower().split("__")[0]
        if key not in Settings.model_fields:
            raise SettingsError(_unknown((key,), f"variable {name}"), field=key)


def _sentence(error: ErrorDetails, file: str) -> tuple[str, str]:
    """What is wrong, for a person, and the key it is about."""
    location = tuple(str(part) for part in error["loc"])
    key = ".".join(location)
    if error["type"] == "extra_forbidden":
        return _unknown(location, file), key
    if error["type"] == "labdock":
        return error["msg"], key
    said = "" if key.endswith(SECRETS) else f" to {error['input']!r}"
    reason = error["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    return f"The setting '{key}' cannot be set{said}: {reason}.", key


def _unknown(location: tuple[str, ...], place: str) -> str:
    key = ".".join(location)
    near = difflib.get_close_matches(key, list(setting_names()), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f": take it out of {place}."
    return f"There is no setting '{key}'{hint}"


def setting_names() -> Iterator[str]:
    """Every setting, a section's with its section: `port`, `limits.cpus`."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from (f"{name}.{inner}" for inner in kind.model_fields)
        else:
            yield name


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
