"""The start of a server in a container, and its end by idleness, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.containers import add_environment, running_on_docker
from tests.support.deployment import Deployment
from tests.support.person import Person

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

LATER = 240_000
"""Milliseconds for a server."""

IDLE = 60
"""Seconds after which a server is stopped here."""

EMPTY = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def deployment(
    prepared: StateFolder, labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    del labdock_proxy
    folder = tmp_path_factory.mktemp("docker")
    with running_on_docker(
        prepared, folder, LABDOCK_ADMINS="admin", LABDOCK_IDLE__CULL_AFTER=str(IDLE)
    ) as running:
        missing = "127.0.0.1:1/notebook@sha256:" + "0" * 64
        add_environment(
            running.state,
            "cuda",
            title="TensorFlow 2.21 (GPU)",
            notebook=missing,
            training=missing,
            packages={"tensorflow": "2.21.0", "keras": "3.14.0"},
            gpu=True,
        )
        yield running


def test_one_click_starts_a_server_that_says_when_it_stops(
    page: Page, deployment: Deployment, tmp_path: Path
) -> None:
    page.goto(deployment.url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(deployment.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Python 3.11.2, TensorFlow 2.21.0, Keras 3.14.0")).to_be_visible()
    expect(page.get_by_text("needs a GPU, and this machine offers none")).to_be_visible()
    expect(page.get_by_label("CPUs")).to_be_visible()
    page.screenshot(path=tmp_path / "start.png")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Starting JupyterLab in it").first).to_be_attached(timeout=LATER)
    page.screenshot(path=tmp_path / "starting.png")
    page.wait_for_url("**/user/admin/lab**", timeout=LATER)
    expect(page.get_by_role("menuitem", name="File")).to_be_visible(timeout=LATER)

    person = Person(deployment, "admin")
    person.log_in(deployment.password)
    person.ask_server("PUT", "contents/long.ipynb", {"type": "notebook", "content": EMPTY})
    with person.notebook("long.ipynb") as notebook:
        silent = notebook.run(f"import time; time.sleep({IDLE * 1.25})", seconds=600)
        assert not silent.error, "a busy kernel was stopped"
        assert person.ask_server("GET", "kernels")
        notice = page.get_by_text("this server stops at").first
        expect(notice).to_be_visible(timeout=LATER)
        page.screenshot(path=tmp_path / "notice.png")
        expect(page.get_by_text("Server unavailable").first).to_be_visible(timeout=LATER)
