"""The notice before an idle server stops, in JupyterLab itself, by what a server says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from tests.support.browser import SOON
from tests.support.deployment import eventually
from tests.support.labserver import PASSWORD, lab_server

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

LIMIT = 20
"""Seconds after which a server is stopped here; the page looks twenty times meanwhile."""


@dataclass
class Server:
    """What a Jupyter server answers, by when it says that things were used."""

    page: Page
    started: float = 0.0
    kernels: list[tuple[str, float]] = field(default_factory=list)
    """The state of each, and how many seconds ago it was used."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=7))
    """A browser's clock is not the server's."""
    looked: int = 0
    """How often the page has looked."""

    def answer(self, route: Route) -> None:
        path = route.request.url.partition("?")[0].rpartition("/")[2]
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
        self.looked += path == "status"

    def was_looked_at(self) -> None:
        """Wait until the page has looked, and has shown what it found."""
        wanted = self.looked + 2

        def looked() -> bool:
            self.page.wait_for_timeout(100)  # requests are answered meanwhile
            return self.looked >= wanted

        eventually(looked, what="a look")

    def _ago(self, seconds: float) -> str:
        return (self.now - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def lab(
    browser: Browser, environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, str]]:
    folder = tmp_path_factory.mktemp("lab")
    python = environment / "venv/bin/python"
    with (
        lab_server(folder, python, LABDOCK_STOP_AFTER=str(LIMIT)) as client,
        closing(browser.new_page()) as opened,
    ):
        opened.set_default_timeout(SOON)
        yield opened, str(client.base_url)


@pytest.fixture
def server(lab: tuple[Page, str]) -> Iterator[Server]:
    page, _ = lab
    made = Server(page)
    asked = re.compile(r"/api/\w+\?no_track_activity=1")
    page.route(asked, made.answer)
    yield made
    page.evaluate("localStorage.clear()")
    page.goto("about:blank")
    page.unroute(asked)


def notice(lab: tuple[Page, str]) -> Locator:
    """Open JupyterLab; what it may say there."""
    page, url = lab
    page.goto(f"{url}lab?token={PASSWORD}")
    expect(page.get_by_role("menuitem", name="File", exact=True)).to_be_visible()
    return page.get_by_role("alert").filter(has_text="this server stops at")


def test_a_server_without_kernels_says_it_too(lab: tuple[Page, str], server: Server) -> None:
    server.started = LIMIT * 0.8
    said = notice(lab)
    server.was_looked_at()
    expect(said).to_have_count(0)
    server.started = LIMIT * 0.95
    expect(said).to_be_visible()
    server.was_looked_at()
    expect(said).to_have_count(1)  # it is said once


def test_it_is_taken_back_when_something_runs(lab: tuple[Page, str], server: Server) -> None:
    server.started, server.kernels = LIMIT * 5, [("idle", LIMIT * 0.95)]
    said = notice(lab)
    expect(said).to_be_visible()
    server.kernels = [("busy", LIMIT * 0.95)]
    expect(said).to_have_count(0)


def test_a_kernel_that_was_closed_counts_after_a_reload(
    lab: tuple[Page, str], server: Server
) -> None:
    server.started, server.kernels = LIMIT * 5, [("idle", LIMIT * 0.1)]
    said = notice(lab)
    server.was_looked_at()
    expect(said).to_have_count(0)
    server.kernels = []
    said = notice(lab)
    server.was_looked_at()
    expect(said).to_have_count(0)
    server.now += timedelta(seconds=LIMIT * 0.85)
    server.started += LIMIT * 0.85
    expect(said).to_be_visible()
