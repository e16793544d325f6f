"""Deployments that others reach, whose people's servers are containers."""

from __future__ import annotations

import json
import os
import re
import shlex
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.test_newcomer import REQUEST
from tests.e2e.test_reach import (
    ASKING,
    DOMAIN,
    FOREIGN,
    KERNEL,
    encrypt,
    encrypted,
    guess,
    notebook_works,
    proxy_before,
)
from tests.support.authority import Authority
from tests.support.browser import SOON, opened_page
from tests.support.containers import server_of, stopped_on_docker
from tests.support.deployment import CHECKOUT, Deployment, eventually, free_port
from tests.support.docker import docker_client
from tests.support.imagedeployment import running_on_images

from labdock_service.engines.pulling import PullRecord
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

PICTURES = json.dumps(json.loads(REQUEST)["instances"])
CALLING = (CHECKOUT / "docs/howto/call-an-endpoint.md").read_text()
PLACE, MODEL = "http://127.0.0.1:8000", "/services/endpoints/PROJECT/digits:predict"
"""Where the examples of that page find an endpoint."""
SAMPLE = """
import labdock
endpoint = labdock.endpoint("digits")
print(endpoint.predict(endpoint.sample()))
"""


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
    start_server(page, stopped)
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


def is_fetched(deployment: Deployment) -> bool:
    """Whether the images of its environments are on this machine, as the start page knows it."""
    pulls = PullRecord(deployment.state.pulls).read().values()
    return bool(pulls) and all(pull.here for pull in pulls)


def start_server(page: Page, deployment: Deployment) -> None:
    """Log in at the domain, and start what the start page offers first."""
    page.goto(f"https://{DOMAIN}:{deployment.port}")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(deployment.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start").click()
    own = f"https://admin.{DOMAIN}:{deployment.port}"
    page.wait_for_url(f"{own}/user/admin/lab**", timeout=SOON * 2)
    page.get_by_role("menuitem", name="File").wait_for()


def typed(deployment: Deployment, command: str) -> str:
    """What a command shows in a terminal of the person's server."""
    server = server_of(docker_client(), deployment, "admin")
    there = f"cd ~/welcome/examples/02-script && {command}"
    status, said = server.exec_run(["bash", "-c", there])
    assert status == 0, said.decode() + deployment.logs()
    return str(said.decode())


def elsewhere(authority: Authority, *command: str) -> str:
    """What a program shows that was told of the authority, and has nothing else of Labdock."""
    told = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(authority.file)}
    done = subprocess.run(command, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def curves_are_shown(page: Page, public: str, shown: str) -> None:
    """By the link that `labdock show` prints."""
    (link,) = re.findall(r"TensorBoard +(\S+)", shown)
    assert link == f"{public}/services/tensorboard/admin/"
    page.goto(link)
    expect(page.get_by_text("epoch_accuracy").first).to_be_visible(timeout=SOON)
    expect(page.locator("line-chart canvas").first).to_be_visible(timeout=SOON)


def example(language: str, place: str, key: str) -> str:
    """The documented call of an endpoint, with a person's own address, key and picture."""
    found = re.search(f"```{language}\n([^`]+digits:predict[^`]+)```", CALLING)
    assert found
    own = {PLACE: place, "PROJECT": "admin", "ldk_…": key, "[[0.0, 0.0, 0.3]]": PICTURES}
    text = found[1]
    for written, meant in own.items():
        assert written in text
        text = text.replace(written, meant)
    return text


def guessed(answer: str) -> int:
    """The digit that an answer takes the picture for."""
    found = re.search(r"\[\[.+\]\]", answer, re.DOTALL)
    assert found, answer
    (scores,) = json.loads(found[0])
    return int(scores.index(max(scores)))


def alive(client: docker.DockerClient, container: str) -> bool:
    return container in {found.id for found in client.containers.list(ignore_removed=True)}


@pytest.mark.browser
@pytest.mark.tensorflow
@pytest.mark.timeout(1800)
def test_a_job_its_curves_and_its_model_by_https(
    prepared: StateFolder,
    labdock_proxy: list[str],
    tmp_path: Path,
    authority: Authority,
    page: Page,
) -> None:
    """From a terminal of the person's container, in their browser, and by programs elsewhere."""
    del labdock_proxy
    settings = encrypted(authority, "127.0.0.1", DOMAIN, f"*.{DOMAIN}")
    settings["LABDOCK_DOMAIN"] = DOMAIN
    with running_on_images(prepared, tmp_path, **settings) as deployment:
        public = f"https://{DOMAIN}:{deployment.port}"
        eventually(lambda: is_fetched(deployment), seconds=300, what="the images")
        start_server(page, deployment)
        submitted = "labdock submit train.py --name curves --follow -- --epochs 8"
        assert "test accuracy" in typed(deployment, submitted)
        curves_are_shown(page, public, typed(deployment, "labdock show last"))
        deployed = typed(deployment, "labdock deploy last --endpoint digits")
        assert f"{public}{MODEL.replace('PROJECT', 'admin')}" in deployed
        asked = typed(deployment, "labdock predict digits @../01-digits/request.json")
        assert guessed(asked) == 3
        assert typed(deployment, f"python -c {shlex.quote(SAMPLE)}").startswith("[[")
        key = typed(deployment, "labdock keys create digits --expires 1h 2>/dev/null").strip()
        inside = example("python", typed(deployment, "echo $LABDOCK_URL").strip(), key)
        assert guessed(typed(deployment, f"python -c {shlex.quote(inside)}")) == 3
        curl = example("bash", public, key)
        assert guessed(elsewhere(authority, "bash", "-c", curl)) == 3
        script = example("python", f"https://127.0.0.1:{deployment.port}", key)
        assert guessed(elsewhere(authority, sys.executable, "-c", script)) == 3


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
