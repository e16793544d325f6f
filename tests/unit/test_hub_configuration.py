"""JupyterHub's configuration, piece by piece, on a traitlets Config."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from jupyterhub.services.service import Service, _ServiceSpawner
from tests.support.authority import Authority
from tornado.web import HTTPError
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from labdock_service import hub, processes
from labdock_service.deployment import Deployment
from labdock_service.partports import read_ports
from labdock_service.people.containerspawner import ContainerSpawner
from labdock_service.people.oauth import OpenIdLogin
from labdock_service.people.password import PasswordLogin
from labdock_service.people.together import update_together
from labdock_service.secretfile import keep_secret
from labdock_service.settings import Settings, load_settings
from labdock_service.statefolder import StateFolder

CHECKOUT = Path(__file__).resolve().parents[2]

LOCAL = hub.Local(
    ports={name: 20000 + number for number, name in enumerate(hub.PORTS)},
    proxy=["node", "proxy"],
    admin_token="t" * 40,
    password="a" * 40,
    team_password="b" * 40,
    root=False,
)
TEAM = "[process]\ntrusted_team = true\n"
OPEN = "[tls]\nplain_http = true\n"
OIDC = """
[auth]
kind = "oidc"
client_id = "labdock"
client_secret = "hush"
authorize_url = "https://id.example/authorize"
token_url = "https://id.example/token"
userdata_url = "https://id.example/userinfo"
allowed_users = ["ann"]
"""


@pytest.fixture
def c() -> Config:
    return Config()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, "")


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "labdock.toml").write_text(text)
    return load_settings(folder / "labdock.toml")


def test_only_the_proxy_listens_where_people_come(c: Config, tmp_path: Path) -> None:
    hub.update_addresses(c, settings_of(tmp_path, f"host = '::'\nport = 80\n{TEAM}{OPEN}"), LOCAL)
    assert c.JupyterHub.bind_url == "http://[::]:80"
    assert c.JupyterHub.hub_bind_url == "http://127.0.0.1:20000"
    assert c.ConfigurableHTTPProxy.api_url == "http://127.0.0.1:20001"


def test_https_and_a_domain(c: Config, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("ours", "lab.example", "*.lab.example")
    text = (
        f"host = '::'\ndomain = 'lab.example'\n{TEAM}[tls]\ncertificate = '{certificate.name}'\n"
        f"key = '{key.name}'\nredirect_from = 80\n"
    )
    settings = settings_of(tmp_path, text)
    hub.update_addresses(c, settings, LOCAL)
    hub.update_encryption(c, settings, LOCAL)
    hub.update_domain(c, settings, LOCAL)
    hub.update_spawner(c, settings, LOCAL)
    assert c.JupyterHub.bind_url == "https://[::]:8000"
    assert c.JupyterHub.public_url == "https://lab.example:8000/"
    assert (c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key) == (str(certificate), str(key))
    assert c.ConfigurableHTTPProxy.command[-2:] == ["--redirect-port=80", "--redirect-to=8000"]
    assert c.JupyterHub.subdomain_hook("ann", "lab.example", "user") == "ann.lab.example"
    assert c.JupyterHub.subdomain_hook("labdock", "lab.example", "service") == "lab.example"
    hub.update_services(c, settings, LOCAL)
    services = {service["name"]: service for service in c.JupyterHub.services}
    framed = f"--framed-by=https://*.lab.example:{settings.port}"
    assert framed in services["tensorboard"]["command"]
    assert "127.0.0.1/services/endpoints/" in c.ConfigurableHTTPProxy.extra_routes
    assert settings.address == "https://lab.example:8000"
    assert c.Spawner.hub_connect_url == f"http://127.0.0.1:{LOCAL.ports['hub']}"


def test_containers_find_hub_and_services_by_the_door_where_there_is_a_domain(
    c: Config, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, "engine = 'docker'\ndomain = 'lab.example'\n")
    hub.update_domain(c, settings, LOCAL)
    routes = c.ConfigurableHTTPProxy.extra_routes
    assert routes["10.213.0.1/hub/"] == f"http://127.0.0.1:{LOCAL.ports['hub']}"
    assert "10.213.0.1/services/labdock/" in routes


def test_without_either_nothing_changes(c: Config, settings: Settings) -> None:
    hub.update_encryption(c, settings, LOCAL)
    hub.update_domain(c, settings, LOCAL)
    assert "public_url" not in c.JupyterHub and "subdomain_host" not in c.JupyterHub
    assert "tornado_settings" not in c.JupyterHub


def test_everything_lies_in_the_state_folder(c: Config, settings: Settings) -> None:
    hub.update_storage(c, settings)
    for place in (
        c.JupyterHub.db_url.removeprefix("sqlite:///"),
        c.JupyterHub.cookie_secret_file,
        c.ConfigurableHTTPProxy.pid_file,
    ):
        assert Path(place).is_relative_to(settings.state.root)


def test_one_person_logs_in_with_the_password(c: Config, settings: Settings) -> None:
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    assert c.JupyterHub.authenticator_class is PasswordLogin
    assert c.PasswordLogin.admin_password == LOCAL.password
    assert c.PasswordLogin.user_password is None
    assert "runs as one user" in c.PasswordLogin.one_person
    assert c.Authenticator.admin_users == c.Authenticator.allowed_users == set(settings.admins)
    assert not c.Authenticator.allow_all


def test_a_trusted_team_has_a_password_of_its_own(c: Config, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, TEAM)
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    assert c.PasswordLogin.user_password == LOCAL.team_password
    assert not c.PasswordLogin.one_person
    assert c.Authenticator.allow_all


def test_a_team_may_be_named(c: Config, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"admins = ['ann']\n{TEAM}[auth]\nallowed_users = ['bo']")
    hub.update_people(c, settings)
    assert c.Authenticator.allowed_users == {"ann", "bo"}
    assert not c.Authenticator.allow_all


async def test_everybody_with_the_teams_password(c: Config, tmp_path: Path) -> None:
    text = f"admins = ['ann']\n{TEAM}[auth]\nallowed_users = ['*']"
    settings = settings_of(tmp_path, text)
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    login = PasswordLogin(config=c)
    form = {"username": "zoe", "password": LOCAL.team_password}
    assert (await login.get_authenticated_user(None, form))["name"] == "zoe"


def test_an_openid_provider(c: Config, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"admins = ['ann']\n{TEAM}{OIDC}")
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    login = c.GenericOAuthenticator
    assert import_item(c.JupyterHub.authenticator_class) is OpenIdLogin
    assert (login.client_id, login.client_secret) == ("labdock", "hush")
    assert login.oauth_callback_url == "http://127.0.0.1:8000/hub/oauth_callback"
    assert login.token_url == "https://id.example/token"
    assert not c.Authenticator.allow_all


def test_projects_are_groups(c: Config, tmp_path: Path) -> None:
    text = f"{TEAM}[projects.digits]\nmembers = ['bo']\nadmins = ['ann']\n"
    hub.update_people(c, settings_of(tmp_path, text))
    assert c.JupyterHub.load_groups == {"digits": {"users": ["ann", "bo"]}}
    assert {"ann", "bo"} <= c.Authenticator.allowed_users


async def test_a_project_has_an_account_whose_server_is_its_members(
    c: Config, tmp_path: Path
) -> None:
    text = f"{TEAM}[projects.digits]\nmembers = ['bo']\nadmins = ['ann']\n"
    settings = settings_of(tmp_path, text)
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    hub.update_roles(c, settings)
    update_together(c, settings, ["labdock"])
    assert c.JupyterHub.load_groups["digits"]["users"] == ["ann", "bo", "project--digits"]
    (role,) = (role for role in c.JupyterHub.load_roles if "groups" in role)
    assert (role["groups"], role["scopes"]) == (
        ["digits"],
        ["access:servers!user=project--digits", "servers!user=project--digits"],
    )
    login = PasswordLogin(config=c)
    assert login.validate_username("project--digits") and login.validate_username("ann")
    form = {"username": "project--digits", "password": LOCAL.team_password}
    with pytest.raises(HTTPError, match="those of projects"):
        await login.get_authenticated_user(None, form)


def test_one_person_has_nobody_to_work_with(c: Config, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "[projects.digits]\n")
    hub.update_people(c, settings)
    hub.update_roles(c, settings)
    update_together(c, settings, ["labdock"])
    assert c.JupyterHub.load_groups == {"digits": {"users": []}}
    assert not any("groups" in role for role in c.JupyterHub.load_roles)


def test_the_services_and_what_they_are_told(c: Config, settings: Settings) -> None:
    hub.update_services(c, settings, LOCAL)
    services = {service["name"]: service for service in c.JupyterHub.services}
    assert set(services) == {
        "labdock-admin",
        "reconciler",
        "culler",
        "endpoints",
        "tensorboard",
        "labdock",
    }
    assert services["labdock"]["url"] == "http://127.0.0.1:20002"
    assert "url" not in services["reconciler"]
    for name in set(services) - {"labdock-admin"}:
        told = services[name]["environment"]
        assert told["LABDOCK_SETTINGS"] == str(settings.folder / "labdock.toml")


def test_every_role_is_of_a_service_that_is_there(c: Config, settings: Settings) -> None:
    hub.update_services(c, settings, LOCAL)
    hub.update_roles(c, settings)
    names = {service["name"] for service in c.JupyterHub.services}
    for role in c.JupyterHub.load_roles:
        assert set(role.get("services", [])) <= names
        assert not any(scope.startswith("admin") for scope in role["scopes"])


def test_root_alone_needs_jupyter_told(c: Config, settings: Settings) -> None:
    hub.update_spawner(c, settings, LOCAL)
    assert c.Spawner.args == []
    assert c.Spawner.hub_connect_url == settings.address


def test_containers_reach_the_hub_at_the_door(c: Config, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "engine = 'docker'\nport = 8123\n")
    hub.update_spawner(c, settings, LOCAL)
    hub.update_services(c, settings, LOCAL)
    assert c.JupyterHub.spawner_class is ContainerSpawner
    door = f"10.213.0.1:{LOCAL.ports['door']}"
    assert c.ContainerSpawner.hub_connect_url == f"http://{door}"
    told = {service["name"]: service.get("command", []) for service in c.JupyterHub.services}
    assert told["door"][-2:] == [f"--listen={door}", "--target=127.0.0.1:8123"]
    assert "imagekeeper" in told


def test_the_door_is_plain_http_before_a_proxy_that_is_not(c: Config, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("ours", "lab.example")
    settings = settings_of(
        tmp_path,
        f"engine = 'docker'\nhost = '0.0.0.0'\n"
        f"[tls]\ncertificate = '{certificate}'\nkey = '{key}'\n",
    )
    hub.update_spawner(c, settings, LOCAL)
    hub.update_services(c, settings, LOCAL)
    assert c.ContainerSpawner.hub_connect_url == f"http://10.213.0.1:{LOCAL.ports['door']}"
    assert c.Spawner.args == [f"--ServerApp.tornado_settings={hub.SECURE_XSRF}"]
    told = {service["name"]: service.get("command", []) for service in c.JupyterHub.services}
    assert told["door"][-2:] == ["--target=127.0.0.1:8000", f"--certificate={certificate}"]


def test_a_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    file = tmp_path / "state/password"
    secret = keep_secret(file)
    assert len(secret) >= 32 and keep_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [*file.parent.iterdir()] == [file]


def test_ports_stay_the_same(tmp_path: Path) -> None:
    ports = hub.choose_ports(StateFolder(tmp_path))
    assert set(ports) == set(hub.PORTS) and len(set(ports.values())) == len(ports)
    assert hub.choose_ports(StateFolder(tmp_path)) == ports
    assert read_ports(StateFolder(tmp_path)) == ports


def test_a_port_that_another_program_has_is_chosen_anew(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    before = hub.choose_ports(state)
    with socket.create_server(("127.0.0.1", before["labdock"])):
        after = hub.choose_ports(state)
    assert after["labdock"] != before["labdock"] and len(set(after.values())) == len(after)
    assert after | {"labdock": 0} == before | {"labdock": 0}


def test_the_port_of_a_router_that_runs_on_is_kept(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    before = hub.choose_ports(state)
    processes.record(state, "router", os.getpid())
    with socket.create_server(("127.0.0.1", before["endpoints"])):
        assert hub.choose_ports(state) == before


@pytest.mark.parametrize("text", ["", '{"hub": 1', "[]", '{"hub": null}', '{"hub": "x"}'])
def test_a_broken_file_of_ports_counts_as_none(tmp_path: Path, text: str) -> None:
    settings = settings_of(tmp_path, "")
    settings.state.run.mkdir(parents=True)
    (settings.state.run / "ports.json").write_text(text)
    assert not Deployment(settings).answers()
    assert set(hub.choose_ports(settings.state)) == set(hub.PORTS)


def test_who_reads_the_ports_meanwhile_never_finds_half_of_them(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    hub.choose_ports(state)
    file = state.run / "ports.json"
    os.link(file, tmp_path / "held")  # what somebody has open
    before = (tmp_path / "held").read_text()
    with socket.create_server(("127.0.0.1", read_ports(state)["hub"])):
        hub.choose_ports(state)
    assert (tmp_path / "held").read_text() == before


def test_a_services_environment_keeps_no_token(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    told = hub.service_environment(settings)
    assert "SOME_TOKEN" not in told and told["HTTPS_PROXY"] == "http://proxy.example"
    assert told["HOME"] == str(Path.home())


def test_the_shipped_configuration_is_short() -> None:
    assert len((CHECKOUT / "jupyterhub_config.py").read_text().splitlines()) < 80


def test_jupyterhub_still_has_what_is_replaced() -> None:
    """`configure` puts another class in the place of a private one of JupyterHub's."""
    assert issubclass(hub.ServiceSpawner, _ServiceSpawner)
    assert "poll_interval" in _ServiceSpawner.class_trait_names()
    assert "_ServiceSpawner" in Service.start.__code__.co_names
    assert hub.ServiceSpawner().poll_interval == 2
