"""The notice before an idle server stops, in a real browser, by what a server says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, Route

from labdock_service.people.entering import JUPYTER

pytestmark = pytest.mark.browser

SCRIPT = JUPYTER / "labextensions/labdock-idle/static/remoteEntry.js"
PLACE = "http://jupyter.test"
LIMIT = 1000
"""Seconds after which a server is stopped here."""

OPENED = f"""<!doctype html>
<script id="jupyter-config-data" type="application/json">
{json.dumps({"baseUrl": "/user/ada/", "labdockIdleSeconds": str(LIMIT)})}</script>
<script>{SCRIPT.read_text()}</script>
<script>
  window.said = [];
  const execute = async (command, told) => (window.said.push([command, told.message]), "n1");
  const looks = [];
  window.setInterval = look => looks.push(look);
  window.look = () => Promise.all(looks.map(look => look()));
  window._JUPYTERLAB["labdock-idle"].get().then(made => made().default.activate(
    {{ commands: {{ execute }} }}
  ));
</script>"""


@dataclass
class Server:
    """What a Jupyter server answers, by when it says that things were used."""

    started: float = 0.0
    kernels: list[tuple[str, float]] = field(default_factory=list)
    """The state of each, and how many seconds ago it was used."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=7))
    """A browser's clock is not the server's."""

    def answer(self, route: Route) -> None:
        path = route.request.url.partition("?")[0].rpartition("/")[2]
        if path == "lab":
            route.fulfill(body=OPENED, content_type="text/html")
            return
        told = {
            "status": {"started": self._ago(self.started)},
            "kernels": [
                {"execution_state": state, "last_activity": self._ago(used)}
                for state, used in self.kernels
            ],
            "terminals": [],
        }[path]
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        route.fulfill(json=told, headers={"Date": date})

    def _ago(self, seconds: float) -> str:
        return (self.now - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def chromium_page(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_page()) as opened:
        yield opened


@pytest.fixture
def server(chromium_page: Page) -> Iterator[Server]:
    made = Server()
    chromium_page.route(f"{PLACE}/**", made.answer)
    yield made
    chromium_page.goto(f"{PLACE}/user/ada/lab")
    chromium_page.evaluate("localStorage.clear()")
    chromium_page.unroute(f"{PLACE}/**")


def opened(page: Page) -> None:
    page.goto(f"{PLACE}/user/ada/lab")
    page.wait_for_function("window.said")


def notices(page: Page) -> list[str]:
    """What the page has said so far, after another look at the server."""
    page.evaluate("window.look()")
    said: list[tuple[str, str]] = page.evaluate("window.said")
    return [command.rpartition(":")[2] for command, _ in said]


def test_a_server_without_kernels_says_it_too(chromium_page: Page, server: Server) -> None:
    server.started = LIMIT * 0.8
    opened(chromium_page)
    assert notices(chromium_page) == []
    server.started = LIMIT * 0.95
    assert notices(chromium_page) == ["notify"]
    assert notices(chromium_page) == ["notify"], "it is said once"


def test_it_is_taken_back_when_something_runs(chromium_page: Page, server: Server) -> None:
    server.started, server.kernels = LIMIT * 5, [("idle", LIMIT * 0.95)]
    opened(chromium_page)
    assert notices(chromium_page) == ["notify"]
    server.kernels = [("busy", LIMIT * 0.95)]
    assert notices(chromium_page) == ["notify", "dismiss-notification"]


def test_a_kernel_that_was_closed_counts_after_a_reload(
    chromium_page: Page, server: Server
) -> None:
    server.started, server.kernels = LIMIT * 5, [("idle", LIMIT * 0.1)]
    opened(chromium_page)
    assert notices(chromium_page) == []
    server.kernels = []
    opened(chromium_page)
    assert notices(chromium_page) == []
    server.now += timedelta(seconds=LIMIT * 0.85)
    server.started += LIMIT * 0.85
    assert notices(chromium_page) == ["notify"]
