"""JupyterHub's configuration, from the settings: what `jupyterhub_config.py` calls.

`configure` is made of functions that each set one thing of a traitlets `Config`, and read
nothing but the settings and what `Local` found on this machine.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub.services import service
from jupyterhub.services.service import _ServiceSpawner
from jupyterhub.utils import subdomain_hook_idna
from traitlets import default
from traitlets.config import Config

from labdock_service import processes
from labdock_service.containers import networks_of
from labdock_service.engines.networks import door_address
from labdock_service.hubclient import ADMIN
from labdock_service.installation import ensure_proxy
from labdock_service.jsonfile import write_json
from labdock_service.partports import DOOR, PORTS_FILE, read_ports
from labdock_service.people.containerspawner import ContainerSpawner
from labdock_service.people.password import ONE_PASSWORD, ONE_USER, PasswordLogin
from labdock_service.people.processspawner import ProcessSpawner
from labdock_service.people.together import update_together
from labdock_service.secretfile import keep_secret
from labdock_service.settings import Settings, settings_environment
from labdock_service.statefolder import StateFolder
from labdock_service.variables import KEPT

PORTS = ("hub", "proxy", "labdock", "tensorboard", "endpoints", DOOR)
"""What listens beside the proxy's public port."""

SECURE_XSRF = {"xsrf_cookie_kwargs": {"secure": True}}
"""For people's servers, which are reached by http from the proxy and do not know better."""

SERVED = ("labdock", "tensorboard", "endpoints")
"""Those of them that are services with an address of their own under the hub's."""

OPEN = ("access:services!service=labdock", "access:services!service=tensorboard")
"""What everybody who can log in may open."""

KNOWING = ("list:users", "read:users", "list:groups", "read:groups", "groups")
"""What the service needs to know people and their projects."""

STOPPING = ("read:servers", "delete:servers")
"""What its page for admins needs to show people's servers, and to stop one."""

CULLING = ("list:users", "read:users:activity", "read:servers", "delete:servers")
"""What the culler needs."""
ASKING = ("access:servers", "tokens")
"""And to ask people's servers, each with a token that is good for that one."""

HUB_PAGES = Path(__file__).parent / "people/hubpages"

GIVE_BACK = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "262144",
}
"""Has the C library give back what a large body took: by itself it keeps ever larger pieces."""

OAUTH = {
    "github": ("labdock_service.people.oauth.GitHubLogin", "GitHubOAuthenticator"),
    "google": ("labdock_service.people.oauth.GoogleLogin", "GoogleOAuthenticator"),
    "oidc": ("labdock_service.people.oauth.OpenIdLogin", "GenericOAuthenticator"),
}


@dataclass(frozen=True)
class Local:
    """What a deployment keeps beside its settings: ports, secrets and the proxy's command."""

    ports: dict[str, int]
    proxy: list[str]
    admin_token: str
    password: str
    team_password: str
    root: bool

    @classmethod
    def find(cls, state: StateFolder) -> Local:
        """Read them from the state folder, and make what is missing."""
        return cls(
            ports=choose_ports(state),
            proxy=ensure_proxy(state, print),
            admin_token=keep_secret(state.admin_token),
            password=keep_secret(state.password),
            team_password=keep_secret(state.team_password),
            root=os.geteuid() == 0,
        )


class ServiceSpawner(_ServiceSpawner):  # type: ignore[misc]  # it has no types
    """Finds soon that a service has ended, so that the hub starts it again.

    JupyterHub looks every 30 seconds, and its settings do not reach this class.
    """

    @default("poll_interval")  # type: ignore[untyped-decorator]  # nor has traitlets
    def _look_often(self) -> int:
        return 2


def configure(c: Config, settings: Settings) -> None:
    """Set everything that depends on the settings or on this machine."""
    local = Local.find(settings.state)
    if settings.engine == "docker":
        networks_of(settings).ensure_door()
    update_addresses(c, settings, local)
    update_encryption(c, settings, local)
    update_domain(c, settings, local)
    update_storage(c, settings)
    update_login(c, settings, local)
    update_people(c, settings)
    update_pages(c)
    update_spawner(c, settings, local)
    update_services(c, settings, local)
    update_roles(c, settings)
    update_together(c, settings, [*SERVED])
    service._ServiceSpawner = ServiceSpawner


def update_addresses(c: Config, settings: Settings, local: Local) -> None:
    """The proxy listens where people come; all else on 127.0.0.1."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls.certificate else "http"
    c.JupyterHub.bind_url = f"{scheme}://{host}:{settings.port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{local.ports['hub']}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{local.ports['proxy']}"
    c.ConfigurableHTTPProxy.command = local.proxy
    c.ConfigurableHTTPProxy.log_level = "warn"


def update_encryption(c: Config, settings: Settings, local: Local) -> None:
    """By https people's cookies travel by https only; else nothing changes."""
    tls = settings.tls
    if not (tls.secure or settings.domain):
        return
    c.JupyterHub.public_url = f"{settings.public_address}/"
    c.JupyterHub.trusted_downstream_ips = tls.hops
    if tls.secure:
        c.JupyterHub.tornado_settings = {"cookie_options": {"secure": True}}
    if tls.certificate:
        c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = tls.certificate, tls.key
    if tls.redirect_from:
        redirect = [f"--redirect-port={tls.redirect_from}", f"--redirect-to={settings.port}"]
        c.ConfigurableHTTPProxy.command = [*local.proxy, *redirect]


def update_domain(c: Config, settings: Settings, local: Local) -> None:
    """With a domain each person's server has an origin of its own; Labdock's services share one.

    Programs on this machine and in containers, which come by an address and no name, find hub and
    services too.
    """
    if not settings.domain:
        return
    door = [door_address(settings.docker.subnet)] if settings.engine == "docker" else []
    c.JupyterHub.subdomain_host = settings.public_address
    c.JupyterHub.subdomain_hook = server_host
    places = {"hub": "hub"} | {name: f"services/{name}" for name in SERVED}
    c.ConfigurableHTTPProxy.extra_routes = {
        f"{address}/{path}/": f"http://127.0.0.1:{local.ports[name]}"
        for name, path in places.items()
        for address in (settings.machine, *door)
    }


def server_host(name: str, domain: str, kind: str) -> str:
    """The host of a person's server; services are at the hub's own, as without a domain."""
    if kind != "user":
        return domain
    host: str = subdomain_hook_idna(name, domain, kind)
    return host


def update_storage(c: Config, settings: Settings) -> None:
    """All of the hub's files lie in the state folder."""
    state = settings.state
    c.JupyterHub.db_url = f"sqlite:///{state.hub / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(state.hub / "cookie_secret")
    c.ConfigurableHTTPProxy.pid_file = str(state.run / "proxy.pid")


def update_login(c: Config, settings: Settings, local: Local) -> None:
    """The kind of login that `auth.kind` names."""
    if settings.auth.kind == "password":
        c.JupyterHub.authenticator_class = PasswordLogin
        c.PasswordLogin.one_person = _why_one_person(settings)
        c.PasswordLogin.admin_password = local.password
        c.PasswordLogin.per_address = settings.rates.logins_per_address
        c.PasswordLogin.per_account = settings.rates.logins_per_account
        c.PasswordLogin.user_password = (
            local.team_password if settings.process.trusted_team else None
        )
    else:
        name, section = OAUTH[settings.auth.kind]
        c.JupyterHub.authenticator_class = name
        _update_oauth(c[section], settings)


def _why_one_person(settings: Settings) -> str:
    if settings.process.trusted_team:
        return ""
    return ONE_USER if settings.engine == "process" else ONE_PASSWORD


def _update_oauth(section: Any, settings: Settings) -> None:
    auth = settings.auth
    section.client_id = auth.client_id
    section.client_secret = auth.client_secret.get_secret_value()
    section.oauth_callback_url = settings.login_callback
    if auth.kind == "google":
        section.hosted_domain = list(auth.hosted_domain)
    if auth.kind == "oidc":
        section.authorize_url = auth.authorize_url
        section.token_url = auth.token_url
        section.userdata_url = auth.userdata_url
        section.username_claim = auth.username_claim
        section.scope = list(auth.scope)
        section.login_service = auth.title


def update_people(c: Config, settings: Settings) -> None:
    """Who may log in, who administers, and who shares which project."""
    named = {name for project in settings.projects.values() for name in project.people}
    allowed = {*settings.admins, *settings.auth.allowed_users, *named} - {"*"}
    c.Authenticator.admin_users = set(settings.admins)
    c.Authenticator.allowed_users = allowed
    whole_team = settings.process.trusted_team and not settings.auth.allowed_users
    c.Authenticator.allow_all = "*" in settings.auth.allowed_users or whole_team
    c.JupyterHub.load_groups = {
        name: {"users": project.people} for name, project in settings.projects.items()
    }


def update_pages(c: Config) -> None:
    """The hub's pages lead admins to Labdock's page for them, and members to projects' servers."""
    c.JupyterHub.template_paths = [str(HUB_PAGES)]


def update_spawner(c: Config, settings: Settings, local: Local) -> None:
    """People's servers: processes in homes of their own, or containers."""
    in_containers = settings.engine == "docker"
    secure = [f"--ServerApp.tornado_settings={SECURE_XSRF}"] if settings.tls.secure else []
    root = ["--allow-root"] if local.root and not in_containers else []
    c.Spawner.args = [*root, *secure]
    if in_containers:
        update_containers(c, settings, local)
        return
    c.JupyterHub.spawner_class = ProcessSpawner
    c.ProcessSpawner.settings = settings
    c.Spawner.hub_connect_url = _hub_for_servers(settings, local)
    c.Spawner.env_keep = ["PATH", "LD_LIBRARY_PATH"]  # not the hub's own Python


def _hub_for_servers(settings: Settings, local: Local) -> str:
    """By the proxy, whose address stays when the hub's own port moves; by https the hub itself.

    A person's server need not trust the certificate then.
    """
    if settings.tls.certificate:
        return f"http://127.0.0.1:{local.ports['hub']}"
    return settings.door


def update_containers(c: Config, settings: Settings, local: Local) -> None:
    """People's servers in containers, which reach the hub at the door alone."""
    c.JupyterHub.spawner_class = ContainerSpawner
    c.ContainerSpawner.settings = settings
    c.ContainerSpawner.hub_connect_url = f"http://{_door(settings, local)}"
    c.ContainerSpawner.ip = "0.0.0.0"  # of the container's own network


def _door(settings: Settings, local: Local) -> str:
    """Where containers come in. A port of its own: the proxy's may be taken at every address."""
    return f"{door_address(settings.docker.subnet)}:{local.ports[DOOR]}"


def update_services(c: Config, settings: Settings, local: Local) -> None:
    """Labdock's own processes. The hub awaits those with an address before it opens its doors."""
    seconds = settings.idle.cull_after
    culling = [f"--timeout={seconds}", f"--cull-every={min(60, max(1, seconds // 2))}"]
    reload = settings.tensorboard.reload_seconds
    state = f"--state={settings.state.root}"
    board = [state, f"--engine={settings.engine}", f"--reload-seconds={reload}"]
    if settings.domain:
        board.append(f"--framed-by={_servers_of_people(settings)}")
    c.JupyterHub.services = [
        {"name": ADMIN, "api_token": local.admin_token, "display": False},
        _service(settings, "endpoints", "labdock_service.router", state, port=local.ports),
        _service(
            settings, "tensorboard", "labdock_service.tensorboard_gate", *board, port=local.ports
        ),
        _service(settings, "labdock", "labdock_service.app", port=local.ports),
        _service(settings, "reconciler", "labdock_service.reconciler"),
        _service(settings, "culler", "labdock_service.people.culler", *culling),
        *_container_services(settings, local),
    ]


def _servers_of_people(settings: Settings) -> str:
    """The origins of people's servers with a domain, which show TensorBoard in a tab."""
    scheme, _, host = settings.public_address.partition("://")
    return f"{scheme}://*.{host}"


def _container_services(settings: Settings, local: Local) -> list[dict[str, Any]]:
    """What only containers need."""
    if settings.engine != "docker":
        return []
    certificate = settings.tls.certificate
    carried = [f"--listen={_door(settings, local)}", f"--target={settings.machine}:{settings.port}"]
    known = [f"--certificate={certificate}"] if certificate else []
    return [
        _service(settings, "imagekeeper", "labdock_service.imagekeeper"),
        _service(settings, "door", "labdock_service.door", *carried, *known),
    ]


def _service(
    settings: Settings, name: str, module: str, *arguments: str, port: dict[str, int] | None = None
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "name": name,
        "command": [sys.executable, "-m", module, *arguments],
        "environment": service_environment(settings),
        "cwd": str(settings.folder),
        "display": name in ("labdock", "tensorboard"),
    }
    if port:
        # Labdock is part of the hub: people are not asked whether it may know who they are.
        spec |= {"url": f"http://127.0.0.1:{port[name]}", "oauth_no_confirm": True}
    return spec


def service_environment(settings: Settings) -> dict[str, str]:
    """What a service gets of this process's environment: settings, home, ways to packages."""
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    home = {"HOME": str(Path.home()), "PYTHONUNBUFFERED": "1"}
    return kept | home | GIVE_BACK | settings_environment(settings)


def update_roles(c: Config, settings: Settings) -> None:
    """Who may ask the hub for what: each service no more than it needs."""
    c.JupyterHub.extra_user_scopes = set(OPEN)
    c.JupyterHub.load_roles = [
        # A server's token is what `import labdock` uses. The first two are JupyterHub's own
        # scopes for it, which an entry here replaces.
        {"name": "server", "scopes": ["users:activity!user", "access:servers!server", *OPEN]},
        {
            "name": "labdock",
            "scopes": [*KNOWING, *STOPPING],
            "services": ["labdock"],
        },
        {
            "name": "labdock-gate",
            "scopes": ["read:users", "read:groups"],
            "services": ["tensorboard"],
        },
        {
            "name": ADMIN,
            "scopes": [
                *("tokens", "read:users", "delete:users"),
                *("list:groups", "groups", "delete:servers"),
            ],
            "services": [ADMIN],
        },
        {
            # Whose server runs: GPUs of one that is gone are given back.
            "name": "labdock-reconciler",
            "scopes": ["read:servers"],
            "services": ["reconciler"],
        },
        {
            "name": "labdock-culler",
            "scopes": [*CULLING, *(ASKING if settings.engine == "docker" else ())],
            "services": ["culler"],
        },
    ]


def choose_ports(state: StateFolder) -> dict[str, int]:
    """A port for each part: the same as before, unless another program has it now."""
    before = read_ports(state)
    running = {"endpoints"} if "router" in processes.recorded(state) else set()
    kept = {
        name: before[name]
        for name in PORTS
        if name in before and (name in running or _is_free(before[name]))
    }
    missing = [name for name in PORTS if name not in kept]
    ports = kept | dict(zip(missing, _free_ports(len(missing), kept.values()), strict=True))
    if ports != before:
        state.run.mkdir(parents=True, exist_ok=True)
        write_json(state.run / PORTS_FILE, ports)
    return ports


def _free_ports(count: int, besides: Collection[int]) -> list[int]:
    """Free ports below those that the kernel gives out for a moment."""
    order = random.sample(range(20000, 32000), 2000)
    free = (port for port in order if port not in besides and _is_free(port))
    return list(itertools.islice(free, count))


def _is_free(port: int) -> bool:
    """Whether a service can listen there; one that has just ended is in nobody's way."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
