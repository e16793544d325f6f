"""The same morning in a real browser: what a person sees and clicks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from tests.support.browser import SOON
from tests.support.deployment import Deployment

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

NOTEBOOK = "welcome/examples/01-digits/digits.ipynb"
LATER = 300_000
"""Milliseconds for a job."""


def test_from_the_login_to_a_deployed_model(
    page: Page, deployment: Deployment, tmp_path: Path
) -> None:
    complaints = listen(page)
    log_in(page, deployment)
    page.goto(f"{deployment.url}/user/admin/lab/tree/{NOTEBOOK}")
    run_all_cells(page)

    job = page.locator(".jp-OutputArea").last
    expect(job.get_by_role("button", name="Stop")).to_be_visible(timeout=SOON * 2)
    expect(job.get_by_text("accuracy").first).to_be_visible(timeout=LATER)
    page.screenshot(path=tmp_path / "training.png")
    expect(job.get_by_text("test accuracy: 0.9").first).to_be_visible(timeout=LATER)
    deploy = job.get_by_role("button", name="Deploy")
    expect(deploy).to_be_enabled(timeout=LATER)
    deploy.click()
    expect(job.get_by_text("answers at").first).to_be_visible(timeout=LATER)
    page.screenshot(path=tmp_path / "deployed.png")

    with page.context.expect_page() as opening:
        job.get_by_role("link", name="TensorBoard").click()
    board = opening.value
    expect(board.get_by_text("epoch_accuracy").first).to_be_visible(timeout=SOON)
    expect(board.locator("line-chart canvas").first).to_be_visible(timeout=SOON)
    board.screenshot(path=tmp_path / "tensorboard.png")
    assert not complaints


def test_a_second_person_sees_why_not(page: Page, deployment: Deployment) -> None:
    page.context.clear_cookies()
    page.goto(f"{deployment.url}/hub/login")
    fill_in(page, "bo", deployment.password)
    expect(page.get_by_text("This Labdock takes one person").first).to_be_visible()


def listen(page: Page) -> list[str]:
    """What any page of this window complains of from now on: refused content, and crashes."""
    heard: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            heard.append(message.text)

    page.context.on("console", console)
    page.context.on("weberror", lambda error: heard.append(str(error.error)))
    return heard


def log_in(page: Page, deployment: Deployment) -> None:
    """Fill in the form; the server starts and JupyterLab opens."""
    page.goto(deployment.url)
    fill_in(page, "admin", deployment.password)
    page.wait_for_url("**/user/admin/lab**", timeout=SOON * 2)
    expect(page.get_by_role("menuitem", name="File")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("welcome").first).to_be_visible(timeout=SOON)


def fill_in(page: Page, name: str, password: str) -> None:
    """The hub's form."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def run_all_cells(page: Page) -> None:
    """By the menu, once the kernel is there."""
    expect(page.get_by_text("test accuracy").first).to_be_visible(timeout=SOON)
    expect(page.get_by_text("| Idle").first).to_be_visible(timeout=SOON)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
