"""Deployments that others reach: by https, and with a host of its own for each server."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page
from tests.support.authority import Authority
from tests.support.browser import SOON
from tests.support.deployment import (
    Deployment,
    eventually,
    free_port,
    listens,
    new_deployment,
)
from tests.support.person import Person, Refused

from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(600)

DOMAIN = "labdock.localhost"
KERNEL = """async () => {
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const asked = {method: "POST", headers: {"X-XSRFToken": xsrf}};
    const kernel = await (await fetch("/user/admin/api/kernels", asked)).json();
    const scheme = location.protocol.replace("http", "ws");
    const channels = `${scheme}//${location.host}/user/admin/api/kernels/${kernel.id}/channels`;
    return await new Promise(done => {
        const socket = new WebSocket(channels);
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
    });
}"""
FOREIGN = """async place => {
    try { return await (await fetch(place, {credentials: "include"})).text(); }
    catch { return "refused"; }
}"""
"""What a script in a person's server asks of the hub's origin."""
ASKING = """
from labdock.client import default_client
default_client().jobs()
connection = default_client().transport.connection
print(connection.for_people('/services/tensorboard/admin/'))
"""
"""Where links of a notebook lead, asked in the person's server, which asks the service too."""


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
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def encrypt(deployment: Deployment, authority: Authority, *hosts: str) -> None:
    deployment.settings |= encrypted(authority, *hosts)


def encrypted(authority: Authority, *hosts: str) -> dict[str, str]:
    """The settings of a deployment with a certificate for these hosts."""
    certificate, key = authority.sign("ours", *hosts)
    return {
        "LABDOCK_TLS__CERTIFICATE": str(certificate),
        "LABDOCK_TLS__KEY": str(key),
        "LABDOCK_TLS__AUTHORITY": str(authority.file),
    }


def refused(deployment: Deployment, **more: str) -> str:
    done = deployment.labdock("up", "--detach", **more)
    assert done.returncode == 2, done.stdout + done.stderr
    (sentence,) = done.stderr.strip().splitlines()
    return sentence


def test_https_with_the_admins_certificate(stopped: Deployment, authority: Authority) -> None:
    redirect = free_port()
    encrypt(stopped, authority, "localhost", "127.0.0.1")
    stopped.settings["LABDOCK_TLS__REDIRECT_FROM"] = str(redirect)
    stopped.scheme = "https"
    assert f"https://127.0.0.1:{stopped.port}" in stopped.up()
    trusted = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(verify=trusted, trust_env=False, timeout=60) as browser:
        login = browser.get(f"{stopped.url}/hub/login")
        assert login.status_code == 200
        cookies = login.headers.get_list("set-cookie")
        assert cookies and all("secure" in cookie.lower() for cookie in cookies)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{stopped.url}/hub/login", trust_env=False)
    sent_on = httpx.get(f"http://127.0.0.1:{redirect}/hub/login?a=1", trust_env=False)
    assert sent_on.status_code == 301
    assert sent_on.headers["location"] == f"{stopped.url}/hub/login?a=1"
    assert re.search(r"ok +certificate +good for (29|30) days", stopped.labdock("doctor").stdout)
    program_works(stopped, authority)
    notebook_works(stopped, trusted)


def program_works(deployment: Deployment, authority: Authority) -> None:
    token = deployment.labdock("token", "admin")
    assert token.returncode == 0, token.stderr + deployment.logs()
    program = {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": token.stdout.strip()}
    untold = deployment.labdock("jobs", **program)
    assert untold.returncode == 2 and "LABDOCK_CA" in untold.stderr
    wrong = deployment.labdock("jobs", LABDOCK_CA="/nowhere/authority.pem", **program)
    assert wrong.returncode == 2 and "LABDOCK_CA must name" in wrong.stderr
    told = deployment.labdock("jobs", LABDOCK_CA=str(authority.file), **program)
    assert told.returncode == 0, told.stderr


def notebook_works(deployment: Deployment, trusted: ssl.SSLContext) -> None:
    person = Person(deployment, "admin", trusted)
    person.log_in(deployment.password)
    person.start_server()
    for cookie in person.http.cookies.jar:
        assert cookie.secure, cookie.name
    path = person.copy("welcome/examples/01-digits/digits.ipynb")
    with person.notebook(path) as notebook:
        ran = notebook.run("import labdock\nprint(len(labdock.jobs()), 'jobs')")
        assert not ran.error and "jobs" in ran.text, ran.error


def test_what_keeps_it_from_starting(stopped: Deployment, authority: Authority) -> None:
    encrypt(stopped, authority, "lab.example")
    _, other = authority.sign("other", "lab.example")
    assert "belong together" in refused(stopped, LABDOCK_TLS__KEY=str(other))
    assert "not for 'anybody.lab.example'" in refused(stopped, LABDOCK_DOMAIN="lab.example")
    assert "'lab.example', which leads nowhere" in refused(stopped)
    assert "Set 'tls.key' too" in refused(stopped, LABDOCK_TLS__KEY="")
    assert "leads nowhere" in stopped.labdock("doctor").stdout
    assert not stopped.processes()


def test_a_proxy_of_the_admins_before_it(
    stopped: Deployment, authority: Authority, labdock_proxy: list[str]
) -> None:
    """It speaks http with Labdock and https with people, which it alone may say."""
    outside = replace(stopped, port=free_port(), scheme="https")
    stopped.settings |= {
        "LABDOCK_TLS__PROXIES": "127.0.0.1",
        "LABDOCK_NOTIFY__HUB_URL": outside.url,
    }
    assert outside.url in stopped.up()
    with proxy_before(stopped, outside.port, authority, labdock_proxy):
        notebook_works(outside, ssl.create_default_context(cafile=authority.file))
    assert stopped.labdock("token", "admin").returncode == 0


@contextmanager
def proxy_before(
    deployment: Deployment, port: int, authority: Authority, command: list[str]
) -> Iterator[None]:
    """A proxy that ends https on a port and goes on to the deployment by http."""
    certificate, key = authority.sign("proxy", "127.0.0.1")
    options = [
        f"--port={port}",
        f"--api-port={free_port()}",
        f"--ssl-cert={certificate}",
        f"--ssl-key={key}",
        f"--default-target=http://127.0.0.1:{deployment.port}",
    ]
    running = subprocess.Popen([*command, "--ip=127.0.0.1", "--log-level=warn", *options])
    try:
        eventually(lambda: listens(port), what="the proxy")
        yield
    finally:
        running.kill()
        running.wait()


def test_guessing_a_password_has_to_wait(stopped: Deployment) -> None:
    stopped.settings |= {
        "LABDOCK_RATES__LOGINS_PER_ACCOUNT": "2",
        "LABDOCK_RATES__LOGINS_PER_ADDRESS": "4",
    }
    stopped.up()
    home, here, there = (f"127.0.0.{number}" for number in (2, 3, 4))
    log_in(stopped, home, password=stopped.password)
    for _ in range(2):
        assert guess(stopped, here).status == 403
    for address in (here, there):  # of one account, so wherever it comes from
        refused = guess(stopped, address)
        assert "Too many logins as 'admin' failed: try again in" in str(refused)
        assert refused.status == 429 and 1 <= int(refused.headers["retry-after"]) <= 900
    log_in(stopped, home, password=stopped.password)
    for name in ("bo", "cy"):
        assert guess(stopped, here, name).status == 403
    assert "failed from your address" in str(guess(stopped, here, "di"))
    assert guess(stopped, there, "di").status == 403


def log_in(deployment: Deployment, address: str, name: str = "admin", *, password: str) -> None:
    """Log in from an address of this machine. Raises Refused."""
    Person(deployment, name, comes_from=address).log_in(password)


def guess(deployment: Deployment, address: str, name: str = "admin") -> Refused:
    """What the hub says to a wrong password."""
    with pytest.raises(Refused) as refused:
        log_in(deployment, address, name, password="guessed")
    return refused.value


@pytest.mark.browser
def test_each_servers_host_is_its_own(stopped: Deployment, page: Page) -> None:
    """In a browser, which leads every `*.localhost` to this machine."""
    stopped.settings["LABDOCK_DOMAIN"] = DOMAIN
    public = f"http://{DOMAIN}:{stopped.port}"
    assert public in stopped.up()
    page.goto(public)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(stopped.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"http://admin.{DOMAIN}:{stopped.port}/user/admin/lab**", timeout=SOON * 2)
    page.get_by_role("menuitem", name="File").wait_for()
    assert page.evaluate(KERNEL) == "open"
    for place in ("hub/api/user", "services/labdock/api/me"):
        assert page.evaluate(FOREIGN, f"{public}/{place}") == "refused"
    page.goto(f"{public}/services/labdock/")
    page.get_by_text("Jobs").first.wait_for()
    assert page.url.startswith(f"{public}/services/labdock/")
    page.goto(f"{public}/services/tensorboard/admin/")
    page.get_by_text("TensorBoard").first.wait_for()
    token = stopped.labdock("token", "admin").stdout.strip()
    program = {"LABDOCK_URL": stopped.url, "LABDOCK_TOKEN": token}
    listed = stopped.labdock("jobs", **program)
    assert listed.returncode == 0, listed.stderr
    assert from_the_server(stopped) == f"{public}/services/tensorboard/admin/"


def from_the_server(deployment: Deployment) -> str:
    environ = next(
        Path(f"/proc/{pid}/environ").read_bytes()
        for pid, command in deployment.processes().items()
        if "jupyterhub.singleuser" in command
    )
    told = dict(part.decode().split("=", 1) for part in environ.split(b"\0") if b"=" in part)
    python = Path(told["PATH"].split(os.pathsep)[0], "python")
    done = subprocess.run([python, "-c", ASKING], env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
