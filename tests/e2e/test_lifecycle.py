"""Up, down and every other end: what goes on, what is adopted, and what is said."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.deployment import (
    CHECKOUT,
    LABDOCK,
    Deployment,
    eventually,
    free_port,
    new_deployment,
)
from tests.support.disks import small_disk
from tests.support.person import Person, Refused

from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(600)

OWN = {"hub", "labdock", "reconciler", "tensorboard", "router", "culler"}
"""Names of the records that a running deployment has."""

LONG = """
import time
print("begun", flush=True)
while True:
    time.sleep(0.2)
"""


@pytest.fixture
def stopped(
    prepared: StateFolder, environment: Path, labdock_proxy: list[str], tmp_path: Path
) -> Iterator[Deployment]:
    """A deployment that is not started, swept at the end."""
    del environment, labdock_proxy
    made = new_deployment(prepared, tmp_path)
    try:
        yield made
    finally:
        made.sweep()


@pytest.fixture
def started(stopped: Deployment) -> Deployment:
    stopped.up()
    return stopped


def records(deployment: Deployment) -> set[str]:
    from labdock_service.processes import recorded

    return set(recorded(deployment.state))


def nothing_is_left(deployment: Deployment) -> None:
    eventually(lambda: not deployment.processes(), what="the end of every process")


def test_up_says_where_to_go_and_down_leaves_nothing(stopped: Deployment) -> None:
    said = stopped.up()
    password = stopped.password
    assert stopped.url in said and password in said
    assert httpx.get(f"{stopped.url}/hub/login", timeout=60).status_code == 200
    eventually(lambda: records(stopped) == OWN, what="a record of every process")
    assert oct(stopped.state.password.stat().st_mode)[-3:] == "600"
    stopped.down()
    nothing_is_left(stopped)
    assert password in stopped.up()


def test_after_any_end_of_the_hub_a_server_is_found_again(started: Deployment) -> None:
    person = Person(started, "admin")
    person.log_in(started.password)
    person.start_server()
    (server,) = (name for name in records(started) if name.startswith("server-"))
    before = started.pid(server)
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        os.kill(started.pid("hub"), end)
        eventually(lambda: "hub" not in records(started), what="the end of the hub")
        started.up()
        assert started.pid(server) == before
        assert person.http.get(f"{person.server}/lab").status_code == 200
        eventually(lambda: not strays(started), what="the end of every older process")


def strays(deployment: Deployment) -> dict[int, str]:
    """Processes that descend from nothing that is recorded."""
    from labdock_service.processes import recorded

    known = {pid for pid, _ in recorded(deployment.state).values()}
    return {
        pid: command
        for pid, command in deployment.processes().items()
        if not known.intersection((pid, *ancestors(pid)))
    }


def ancestors(pid: int) -> Iterator[int]:
    from labdock_service.linux import stat

    while (found := stat(pid)) and found.parent > 1:
        pid = found.parent
        yield pid


def test_interrupting_up_ends_the_hub_only(stopped: Deployment) -> None:
    """Ctrl-C in the terminal where `labdock up` runs."""
    up = subprocess.Popen(
        [LABDOCK, "up"],
        cwd=CHECKOUT,
        env=stopped.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a test run in the background ignores the signal, and its children with it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert up.stdout
    said = ""
    while "Ctrl-C" not in said:
        said = up.stdout.readline()
        assert said, stopped.logs()
    os.killpg(up.pid, signal.SIGINT)
    assert up.wait(120) == 0
    assert "`make up` starts it again" in up.stdout.read()
    assert "hub" not in records(stopped)


def test_a_running_job_is_adopted_and_a_suspended_one_goes_on(started: Deployment) -> None:
    submitted = started.labdock("submit", write_script(started), **program(started))
    assert submitted.returncode == 0, submitted.stderr + started.logs()
    api = client(started)
    (job,) = (job["id"] for job in api.get("jobs").json())

    def log_of(attempt: int) -> bool:
        return "begun" in api.get(f"jobs/{job}/logs", params={"attempt": attempt}).text

    eventually(lambda: log_of(1), what="the first attempt's output")
    started.kill("hub")
    eventually(lambda: "hub" not in records(started), what="the end of the hub")
    started.up()
    again = eventually(lambda: adopted(api, job), what="the job's adoption")
    assert len(again["attempts"]) == 1
    started.down()
    nothing_is_left(started)
    started.up()
    eventually(lambda: log_of(2), what="the second attempt's output", seconds=180)
    assert api.post(f"jobs/{job}/stop").status_code == 200
    eventually(lambda: api.get(f"jobs/{job}").json()["state"] == "stopped", what="the job's end")


def adopted(api: httpx.Client, job: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"jobs/{job}").json()
    return found if found["state"] == "running" else {}


def write_script(deployment: Deployment) -> str:
    folder = deployment.state.root.parent / "long"
    folder.mkdir()
    (folder / "long.py").write_text(LONG)
    return str(folder / "long.py")


def program(deployment: Deployment) -> dict[str, str]:
    made = deployment.labdock("token", "admin")
    assert made.returncode == 0, made.stderr
    return {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": made.stdout.strip()}


def client(deployment: Deployment) -> httpx.Client:
    headers = {"Authorization": f"token {program(deployment)['LABDOCK_TOKEN']}"}
    base = f"{deployment.url}/services/labdock/api/"
    return httpx.Client(base_url=base, headers=headers, timeout=60)


def refused(deployment: Deployment, *arguments: str, **more: str) -> str:
    """What a command that refuses says."""
    done = deployment.labdock(*arguments, **more)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    (sentence,) = done.stderr.strip().splitlines()
    return sentence


def test_up_where_it_runs_already(deployment: Deployment) -> None:
    again = deployment.labdock("up")
    assert again.returncode == 0 and "running already" in again.stdout


@pytest.mark.parametrize("name", ["labdock", "reconciler", "tensorboard", "router", "culler"])
def test_a_killed_service_comes_back(deployment: Deployment, name: str) -> None:
    before = deployment.pid(name)
    deployment.kill(name)
    eventually(
        lambda: name in records(deployment) and deployment.pid(name) != before,
        what=f"another {name}",
    )


def test_a_port_that_is_taken(stopped: Deployment) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped.port))
        other.listen()
        said = refused(stopped, "up", "--detach")
    assert f"127.0.0.1:{stopped.port}" in said and "LABDOCK_PORT" in said
    assert not stopped.processes()


def test_a_hub_that_does_not_start_leaves_nothing(stopped: Deployment) -> None:
    """The service finds tables that it did not make, and the hub waits for it in vain."""
    with sqlite3.connect(stopped.state.database) as database:
        database.execute("CREATE TABLE people (id VARCHAR(16))")
    assert "The hub" in refused(stopped, "up", "--detach")
    nothing_is_left(stopped)


def test_a_database_of_a_newer_version(stopped: Deployment) -> None:
    with sqlite3.connect(stopped.state.database) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    said = refused(stopped, "up", "--detach")
    assert "is of a newer Labdock" in said and "`labdock restore`" in said
    assert not stopped.processes()


def test_a_database_that_does_not_answer(stopped: Deployment) -> None:
    place = f"postgresql://labdock:geheim@127.0.0.1:{free_port()}/labdock"
    said = refused(stopped, "up", "--detach", LABDOCK_DATABASE_URL=place)
    assert "'database_url'" in said and "geheim" not in said
    assert not stopped.processes()


def test_a_bad_setting(stopped: Deployment) -> None:
    assert "'port'" in refused(stopped, "up", LABDOCK_PORT="eighty")
    assert "did you mean 'port'?" in refused(stopped, "down", LABDOCK_PROT="1")


def test_a_state_folder_that_cannot_be_written(stopped: Deployment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(stopped, "up", LABDOCK_STATE=str(tmp_path / "file/state"))
    assert "cannot be written" in said and "LABDOCK_STATE" in said


def test_a_disk_that_is_full(stopped: Deployment, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        for name in ("environments", "proxy"):
            (disk / name).symlink_to((stopped.state.root / name).resolve())
        said = refused(stopped, "up", "--detach", LABDOCK_STATE=str(disk))
    assert "The disk has 8.4 MB left" in said and "LABDOCK_STATE" in said


def test_a_token_of_nobody(deployment: Deployment) -> None:
    assert "Nobody called 'zoe'" in refused(deployment, "token", "zoe")


def test_commands_find_a_hub_that_was_given_another_port(deployment: Deployment) -> None:
    other = {"LABDOCK_PORT": str(free_port())}
    assert deployment.url in deployment.labdock("up", **other).stdout
    assert deployment.labdock("token", "admin", **other).returncode == 0
    said = deployment.labdock("doctor", **other).stdout
    assert f"127.0.0.1:{deployment.port}, where Labdock runs" in said


def test_down_with_settings_that_broke_meanwhile(stopped: Deployment) -> None:
    """By a settings file of a name of its own, which the services must read too."""
    settings = stopped.state.root.parent / "ours.toml"
    settings.write_text(f"port = {stopped.port}\n")
    (settings.parent / "jupyterhub_config.py").symlink_to(CHECKOUT / "jupyterhub_config.py")
    stopped.settings["LABDOCK_SETTINGS"] = str(settings)
    stopped.up()
    settings.write_text("prot = 1\n")
    done = stopped.labdock("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "did you mean 'port'?" in done.stderr and "settings of its start" in done.stderr
    nothing_is_left(stopped)
    assert "did you mean 'port'?" in refused(stopped, "down")


def test_down_where_nothing_runs(stopped: Deployment) -> None:
    assert stopped.down() == "Labdock does not run.\n"


def test_doctor_finds_a_healthy_deployment(deployment: Deployment) -> None:
    said = deployment.labdock("doctor")
    assert said.returncode == 0, said.stdout
    assert f"127.0.0.1:{deployment.port}, where Labdock runs" in said.stdout


def test_a_team_of_two(stopped: Deployment) -> None:
    """What `process.trusted_team` opens: a second person, and a project that both are in.

    The project has a server of its own, for its members alone, which ends when one of them leaves.
    """
    settings = stopped.state.root.parent / "labdock.toml"
    settings.write_text(
        "[process]\ntrusted_team = true\n[projects.digits]\nmembers = ['bo', 'cy']\n"
    )
    (settings.parent / "jupyterhub_config.py").symlink_to(CHECKOUT / "jupyterhub_config.py")
    stopped.settings["LABDOCK_SETTINGS"] = str(settings)
    said = stopped.up()
    team = stopped.state.team_password.read_text().strip()
    assert team in said
    bo = Person(stopped, "bo")
    bo.log_in(team)
    bo.start_server()
    projects = bo.ask_server("GET", "contents/projects")["content"]
    assert [item["name"] for item in projects] == ["digits"]
    assert "/hub/spawn/project--digits" in bo.http.get("/hub/home").text
    bo.start_server_of("digits")
    eva = Person(stopped, "eva")
    eva.log_in(team)
    assert "project--digits" not in eva.http.get("/hub/home").text
    assert eva.http.get("/user/project--digits/lab").status_code == 403
    assert eva.http.get("/hub/spawn/project--digits").status_code == 404
    with pytest.raises(Refused, match="those of projects"):
        Person(stopped, "project--digits").log_in(team)
    settings.write_text("[process]\ntrusted_team = true\n[projects.digits]\nmembers = ['cy']\n")
    os.kill(stopped.pid("hub"), signal.SIGTERM)  # people's servers run on
    eventually(lambda: "hub" not in records(stopped), what="the end of the hub")
    stopped.up()
    assert len([name for name in records(stopped) if is_server(name)]) == 1
    assert bo.http.get("/user/project--digits/lab").status_code == 404
    groups = httpx.get(
        f"{stopped.url}/hub/api/groups/digits",
        headers={"Authorization": f"token {stopped.state.admin_token.read_text().strip()}"},
        timeout=60,
    ).json()
    assert sorted(groups["users"]) == ["cy", "project--digits"]


def test_a_second_persons_server_is_refused_too(deployment: Deployment) -> None:
    """An admin may add somebody by the hub's API; their server would run as the same user."""
    admin = Person(deployment, "admin")
    admin.log_in(deployment.password)
    xsrf = next(cookie.value for cookie in admin.http.cookies.jar if cookie.name == "_xsrf")
    headers = {"X-XSRFToken": xsrf or "", "Referer": f"{deployment.url}/hub/admin"}
    made = admin.http.post("/hub/api/users/bo", headers=headers)
    assert made.status_code == 201, made.text
    started = admin.http.post("/hub/api/users/bo/server", headers=headers)
    assert started.status_code == 400, started.text
    assert "takes one person" in started.json()["message"]


def test_an_idle_server_is_stopped(stopped: Deployment) -> None:
    stopped.settings["LABDOCK_IDLE__CULL_AFTER"] = "4"
    stopped.up()
    person = Person(stopped, "admin")
    person.log_in(stopped.password)
    person.http.get("/hub/spawn")
    eventually(lambda: any(map(is_server, records(stopped))), what="the server")
    eventually(lambda: not any(map(is_server, records(stopped))), what="the end of the server")


def is_server(name: str) -> bool:
    return name.startswith("server-")


def test_make_up_refuses_an_old_python(tmp_path: Path) -> None:
    """By the very script of `make up`, under a Python that says it is older."""
    bootstrap = CHECKOUT / "extensions/labdock-service/labdock_service/bootstrap.py"
    older = tmp_path / "older.py"
    older.write_text(
        "import runpy, sys\nsys.version_info = (3, 9, 2, 'final', 0)\n"
        f"sys.argv = ['bootstrap', 'hub', 'labdock', 'up']\n"
        f"runpy.run_path({str(bootstrap)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        ["python3", older],
        capture_output=True,
        text=True,
        env=os.environ | {"LABDOCK_STATE": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer and found 3.9" in done.stderr
