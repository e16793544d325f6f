"""The hub's groups follow the settings, against a real JupyterHub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from click.testing import CliRunner
from tests.support.deployment import eventually
from tests.support.hub import ADMIN_TOKEN, RECONCILER_TOKEN, RunningHub, running_hub

from labdock_service import hubadmin
from labdock_service.commands import token
from labdock_service.engines.process import ProcessEngine
from labdock_service.errors import Unavailable
from labdock_service.hubadmin import leave_members_only
from labdock_service.reconciler.servers import HubServers
from labdock_service.sections import ProcessSettings, ProjectSettings
from labdock_service.settings import Settings


@pytest.fixture(scope="module")
def hub(labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), labdock_proxy) as running:
        running.state.admin_token.write_text(ADMIN_TOKEN)
        for name in ("ada", "bo", "cy"):
            running.add_person(name)
        yield running


def start(hub: RunningHub, *, through: int = 0, **projects: list[str]) -> None:
    """What `labdock up` does when the hub has started with these projects."""
    settings = Settings(
        state=hub.state,
        port=through or int(hub.url.rpartition(":")[2]),
        admins=["ada"],
        process=ProcessSettings(trusted_team=True),
        projects={name: ProjectSettings(members=people) for name, people in projects.items()},
    )
    leave_members_only(settings)


def test_a_token_is_printed_alone_or_as_json(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(state=hub.state, port=int(hub.url.rpartition(":")[2]), admins=["ada"])
    monkeypatch.setattr("labdock_service.settings.load_settings", lambda: settings)
    alone = CliRunner().invoke(token, ["ada"])
    assert alone.exit_code == 0 and len(alone.output.split()) == 1, alone.output
    made = json.loads(CliRunner().invoke(token, ["ada", "--json"]).output)
    assert made["name"] == "ada" and made["token"]


def members(hub: RunningHub, group: str) -> list[str]:
    found: list[str] = hub.ask("GET", f"groups/{group}")["users"]
    return sorted(found)


def test_a_project_keeps_whom_the_settings_name_and_nobody_else(hub: RunningHub) -> None:
    hub.add_group("digits", "ada", "bo", "cy")
    start(hub, digits=["bo", "cy"])
    assert members(hub, "digits") == ["bo", "cy"]


def test_a_projects_own_account_stays_in_it(hub: RunningHub) -> None:
    hub.add_person("project--vision")
    hub.add_group("vision", "bo", "cy", "project--vision")
    start(hub, vision=["bo"])
    assert members(hub, "vision") == ["bo", "project--vision"]


def test_a_project_that_is_taken_out_has_no_members_left(hub: RunningHub) -> None:
    for name in ("kept", "removed", "by-hand"):
        hub.add_group(name, "ada", "bo")
    start(hub, kept=["ada", "bo"], removed=["ada", "bo"])
    start(hub, kept=["ada", "bo"])
    assert members(hub, "removed") == []
    assert members(hub, "kept") == members(hub, "by-hand") == ["ada", "bo"]


def test_a_project_made_anew_has_an_account_of_its_own(hub: RunningHub) -> None:
    """Another id, and so another home: whoever is in it now finds nothing of those before."""
    account = "users/project--anew"
    hub.add_person("project--anew")
    hub.add_group("anew", "bo", "project--anew")
    before = hub.ask("GET", account)["created"]
    start(hub, anew=["bo"])
    assert hub.ask("GET", account)["created"] == before
    start(hub)
    with pytest.raises(AssertionError, match="404"):
        hub.ask("GET", account)
    hub.add_person("project--anew")
    assert hub.ask("GET", account)["created"] != before
    assert hub.ask("GET", "users/bo")["name"] == "bo"


def test_a_project_may_come_back(hub: RunningHub) -> None:
    hub.add_group("back", "ada")
    start(hub, back=["ada"])
    start(hub)
    hub.ask("POST", "groups/back/users", {"users": ["bo"]})
    start(hub, back=["bo"])
    assert members(hub, "back") == ["bo"]


@dataclass
class Faulty:
    """A way to the hub that stops a project's server only as often as it is told."""

    hub: RunningHub
    stops: int
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def pass_on(self, handler: BaseHTTPRequestHandler) -> httpx.Response:
        path = handler.path
        self.asked.append(f"{handler.command} {path.removeprefix('/hub/api/')}")
        if path.endswith("--shared/server"):
            self.stops -= 1
            if self.stops < 0:
                return httpx.Response(500)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        token = {"Authorization": handler.headers["Authorization"]}
        return httpx.request(
            handler.command, f"{self.hub.url}{path}", content=body, headers=token, timeout=60
        )


@contextmanager
def faulty(hub: RunningHub, stops: int) -> Iterator[Faulty]:
    way = Faulty(hub, stops)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            found = way.pass_on(self)
            self.send_response(found.status_code)
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        do_GET = do_DELETE = answer

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        way.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried for long."""
    monkeypatch.setattr(hubadmin, "STOP_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("stops", [0, 1])
def test_a_server_that_does_not_stop_is_stopped_at_the_next_start(
    hub: RunningHub, stops: int
) -> None:
    """Before people are out, or after; the next project is not held up."""
    name = f"w{stops}--shared"
    hub.add_group(name, "bo", "cy")
    hub.add_group(f"x{stops}", "bo", "cy")
    projects = {name: ["bo"], f"x{stops}": ["bo"]}
    with faulty(hub, stops) as way:
        with pytest.raises(Unavailable, match=f"who left {name} are out"):
            start(hub, through=way.port, **projects)
        assert members(hub, name) == (["bo"] if stops else ["bo", "cy"])
        assert members(hub, f"x{stops}") == ["bo"]
        way.stops = 2
        way.asked.clear()
        start(hub, through=way.port, **projects)
        assert f"DELETE users/project--{name}/server" in way.asked
        assert members(hub, name) == ["bo"]
        way.asked.clear()
        start(hub, through=way.port, **projects)
        assert not [line for line in way.asked if line.startswith("DELETE")]
    start(hub)


@pytest.mark.usefixtures("at_once")
def test_a_removed_project_whose_server_does_not_stop_is_not_forgotten(hub: RunningHub) -> None:
    hub.add_group("gone--shared", "bo")
    (hub.state.hub / "projects.json").write_text('["gone--shared"]')
    with faulty(hub, 0) as way, pytest.raises(Unavailable):
        start(hub, through=way.port)
    assert json.loads((hub.state.hub / "projects.json").read_text()) == ["gone--shared"]
    start(hub)
    assert members(hub, "gone--shared") == []
    assert json.loads((hub.state.hub / "projects.json").read_text()) == []


@pytest.mark.parametrize("text", ["", "3", '["di'])
def test_a_broken_record_counts_as_none(hub: RunningHub, text: str) -> None:
    (hub.state.hub / "projects.json").write_text(text)
    start(hub)
    assert (hub.state.hub / "projects.json").read_text() == "[]"


def test_the_hub_says_whose_server_runs_and_is_known_by_its_token(hub: RunningHub) -> None:
    """Against a real hub: what its answers look like, with the scopes that the services have."""
    api = {"JUPYTERHUB_API_URL": f"{hub.url}/hub/api", "JUPYTERHUB_API_TOKEN": RECONCILER_TOKEN}
    servers = HubServers(api, ProcessEngine(hub.state).runs_server, lambda: None)
    eventually(lambda: servers("pabcdefghij", "ada") is False)
    eventually(lambda: servers("pabcdefghij", "nobody") is False)
    lost = HubServers(
        {**api, "JUPYTERHUB_API_URL": "http://127.0.0.1:1"}, lambda _: False, lambda: None
    )
    assert lost("pabcdefghij", "ada") is None
    with hub.api(ADMIN_TOKEN) as client:
        answer = client.put("notebook-leases/ada", json={"start": "t1"})
        assert (answer.status_code, answer.json()["state"]) == (200, "none"), answer.text
        assert client.get("gpus").status_code == 200
    token, _ = hub.token("ada")
    with hub.api(token) as client:
        assert client.put("notebook-leases/ada", json={"start": "t1"}).status_code == 403
