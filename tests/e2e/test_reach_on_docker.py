"""Deployments that others reach, whose people's servers are containers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from playwright.sync_api import Browser, Page
from tests.e2e.test_reach import (
    ASKING,
    DOMAIN,
    FOREIGN,
    KERNEL,
    encrypt,
    guess,
    notebook_works,
    proxy_before,
)
from tests.support.authority import Authority
from tests.support.browser import SOON, opened_page
from tests.support.containers import server_of, stopped_on_docker
from tests.support.deployment import Deployment, eventually, free_port
from tests.support.docker import docker_client

from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(600)

IDLE = 40
"""Seconds after which a server is stopped here."""

GUESSING = """
import httpx, os, re

def guess(claimed):
    told = {"X-Forwarded-For": claimed, "Accept": "text/html"}
    place = os.environ["LABDOCK_URL"]
    with httpx.Client(base_url=place, headers=told, timeout=60) as browser:
        page = browser.get("/hub/login")
        cookies = [said.split(";")[0] for said in page.headers.get_list("set-cookie")]
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1]
        form = {"username": "admin", "password": "guessed", "_xsrf": token}
        sent = {"Cookie": "; ".join(cookies)}
        return browser.post("/hub/login", data=form, headers=sent).status_code

print([guess(f"192.0.2.{number}") for number in range(3)])
"""
"""Guesses a password from inside a container, each time as if somebody else had come."""


@pytest.fixture
def stopped(
    prepared: StateFolder, labdock_proxy: list[str], tmp_path: Path
) -> Iterator[Deployment]:
    del labdock_proxy
    with stopped_on_docker(prepared, tmp_path) as made:
        yield made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser leads every `*.localhost` to this machine."""
    with opened_page(browser, tmp_path, ignore_https_errors=True) as opened:
        yield opened


@pytest.fixture
def client() -> docker.DockerClient:
    return docker_client()


@pytest.mark.browser
def test_https_and_a_host_for_each_container(
    stopped: Deployment, authority: Authority, page: Page, client: docker.DockerClient
) -> None:
    """At all of the machine's addresses, and until the server has nothing to do any more."""
    encrypt(stopped, authority, "127.0.0.1", DOMAIN, f"*.{DOMAIN}")
    stopped.settings |= {
        "LABDOCK_HOST": "0.0.0.0",
        "LABDOCK_DOMAIN": DOMAIN,
        "LABDOCK_IDLE__CULL_AFTER": str(IDLE),
    }
    stopped.scheme = "https"
    public = f"https://{DOMAIN}:{stopped.port}"
    assert public in stopped.up()
    page.goto(public)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(stopped.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(f"https://admin.{DOMAIN}:{stopped.port}/user/admin/lab**", timeout=SOON * 2)
    page.get_by_role("menuitem", name="File").wait_for()
    server = server_of(client, stopped, "admin")
    status, said = server.exec_run(["python", "-c", ASKING])
    assert (status, said.decode().strip()) == (0, f"{public}/services/tensorboard/admin/")
    assert page.evaluate(KERNEL) == "open"
    for place in ("hub/api/user", "services/labdock/api/me"):
        assert page.evaluate(FOREIGN, f"{public}/{place}") == "refused"
    page.goto(f"{public}/services/labdock/")
    page.get_by_text("Jobs").first.wait_for()
    page.goto(f"{public}/services/tensorboard/admin/")
    page.get_by_text("TensorBoard").first.wait_for()
    for cookie in page.context.cookies():
        assert cookie["secure"], cookie["name"]
    page.close()
    eventually(lambda: not alive(client, server.id), seconds=4 * IDLE, what="the server's end")


def alive(client: docker.DockerClient, container: str) -> bool:
    return container in {found.id for found in client.containers.list(ignore_removed=True)}


def test_behind_a_proxy_no_container_comes_as_somebody_else(
    stopped: Deployment,
    authority: Authority,
    labdock_proxy: list[str],
    client: docker.DockerClient,
) -> None:
    """Not even where that proxy is on the machine, where the door is too."""
    outside = replace(stopped, port=free_port(), scheme="https")
    stopped.settings |= {
        "LABDOCK_TLS__PROXIES": "127.0.0.1",
        "LABDOCK_NOTIFY__HUB_URL": outside.url,
        "LABDOCK_RATES__LOGINS_PER_ADDRESS": "2",
        "LABDOCK_RATES__LOGINS_PER_ACCOUNT": "0",
    }
    assert outside.url in stopped.up()
    with proxy_before(stopped, outside.port, authority, labdock_proxy):
        notebook_works(outside, ssl.create_default_context(cafile=authority.file))
    server = server_of(client, stopped, "admin")
    status, said = server.exec_run(["python", "-c", GUESSING])
    assert status == 0, said.decode()
    assert json.loads(said) == [403, 403, 429]
    for _ in range(2):  # nobody else has to wait for it
        assert guess(stopped, "127.0.0.2").status == 403
    assert "from your address" in str(guess(stopped, "127.0.0.2"))
