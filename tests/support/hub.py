"""A real JupyterHub with its proxy, Labdock's API and TensorBoard gate, for one file of tests."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.deployment import eventually, free_port

from labdock_service.statefolder import StateFolder

CONFIG = Path(__file__).with_name("hub_config.py")
ADMIN_TOKEN = "the-tester-holds-this-token-of-the-hub"
RECONCILER_TOKEN = "the-reconciler-holds-this-token-of-the-hub"


@dataclass
class RunningHub:
    """The hub's address, process and state."""

    url: str
    state: StateFolder
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The hub's API, as an admin."""
        headers = {"Authorization": f"token {ADMIN_TOKEN}"}
        answer = httpx.request(
            method, f"{self.url}/hub/api/{path}", json=body, headers=headers, timeout=90
        )
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def add_person(self, name: str) -> None:
        self.ask("POST", f"users/{name}")

    def add_group(self, name: str, *people: str) -> None:
        self.ask("POST", f"groups/{name}", {"users": people})

    def token(self, name: str, **options: object) -> tuple[str, str]:
        """A new token of a person, and its id."""
        made = self.ask("POST", f"users/{name}/tokens", options)
        return made["token"], made["id"]

    def api(self, token: str) -> httpx.Client:
        """The API, asked with a token."""
        headers = {"Authorization": f"token {token}"}
        return httpx.Client(
            base_url=f"{self.url}/services/labdock/api/", headers=headers, timeout=90
        )

    def browser(self) -> httpx.Client:
        """A browser, as far as cookies and redirects go."""
        return httpx.Client(base_url=self.url, follow_redirects=True, timeout=90)


def log_in(browser: httpx.Client, name: str, page: httpx.Response) -> httpx.Response:
    """Fill in the hub's login form, to which a page has led."""
    token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    action = re.search(r'<form action="([^"]+)"', page.text)
    assert token and action, page.text
    form = {"username": name, "password": "any", "_xsrf": token.group(1)}
    return browser.post(action.group(1).replace("&amp;", "&"), data=form)


@contextlib.contextmanager
def running_hub(folder: Path, proxy: list[str]) -> Iterator[RunningHub]:
    state = StateFolder(folder / "state")
    for made in (state.root, state.hub, state.run, state.logs):
        made.mkdir(mode=0o700)
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LABDOCK_", "JUPYTER"))}
    own = {
        "LABDOCK_STATE": str(state.root),
        "LABDOCK_PORT": str(port),
        "LABDOCK_PROCESS__TRUSTED_TEAM": "true",
        "PROXY_COMMAND": json.dumps(proxy),
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "RECONCILER_TOKEN": RECONCILER_TOKEN,
    }
    log = state.logs / "hub.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)],
            cwd=folder,
            env=kept | own,
            stdout=output,
            stderr=output,
        )
    hub = RunningHub(f"http://127.0.0.1:{port}", state, process)
    try:
        try:
            eventually(lambda: _answers(hub), seconds=180, what="the start of the hub")
        except AssertionError as error:
            raise AssertionError(log.read_text()[-8000:]) from error
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _answers(hub: RunningHub) -> bool:
    assert hub.process.poll() is None, "the hub ended"
    with contextlib.suppress(httpx.TransportError):
        pages = ("/services/labdock/api/openapi.json", "/services/tensorboard/x")
        return all(httpx.get(f"{hub.url}{page}").status_code in (200, 401) for page in pages)
    return False
