"""The first morning in JupyterLab: the tour, the server's figures, and the admin's page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect
from tests.support.accessibility import serious_findings
from tests.support.deployment import Deployment, eventually
from tests.support.lab import Lab, without_complaints

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

LATER = 300_000
"""Milliseconds for a job."""


@pytest.fixture
def lab(page: Page, deployment: Deployment) -> Iterator[Lab]:
    with without_complaints(page):
        opened = Lab(page, deployment)
        opened.open()
        yield opened


def test_the_tour_waits_for_the_real_thing_at_each_step(lab: Lab, page: Page) -> None:
    expect(page.get_by_text("Start here").first).to_be_visible()
    lab.picture("tour-offered")
    page.get_by_role("button", name="Take the tour").click()
    tour = page.get_by_role("region", name="Tour", exact=True)
    expect(tour).to_contain_text("A notebook that reads digits")
    lab.picture("tour-begins")
    tour.get_by_role("button", name="Open the notebook").click()
    expect(tour).to_contain_text("Run it")
    expect(page.get_by_text("| Idle").first).to_be_visible()
    beside(tour, page.locator("[data-command='notebook:restart-run-all']").first)
    lab.picture("tour-run")
    page.reload()
    expect(tour).to_contain_text("Run it")  # it goes on where it was
    expect(page.get_by_text("| Idle").first).to_be_visible()
    tour.get_by_role("button", name="Run all cells").click()
    expect(tour).to_contain_text("Watch it", timeout=LATER)  # the last cell submitted a job
    tour.get_by_role("button", name="Show jobs").click()
    expect(tour).to_contain_text("It is on its way")
    lab.picture("tour-job")
    row = page.get_by_role("region", name="Jobs", exact=True).locator("[data-job]").first
    expect(row).to_contain_text("succeeded", timeout=LATER)
    expect(tour.get_by_text("It is on its way")).to_have_count(0)
    lab.picture("tour-after-the-job")
    while tour.is_visible():  # what the other parts' tests go through
        tour.get_by_role("button", name="Skip").click()
    eventually(lambda: '"active":false' in kept(page))
    expect(page.get_by_text("and it answers. That was it.")).to_have_count(0)  # nobody asked it
    page.reload()
    expect(page.get_by_text("| Idle").first).to_be_visible()  # nothing takes the focus from here on
    expect(tour).to_have_count(0)
    expect(page.get_by_role("button", name="Take the tour")).to_have_count(0)
    page.get_by_role("menuitem", name="Help", exact=True).click()
    page.get_by_role("menuitem", name="Labdock: Take the Tour").click()
    expect(tour).to_contain_text("Run it")  # the notebook is open already
    tour.get_by_role("button", name="End the tour").click()
    expect(tour).to_have_count(0)
    lab.command("New Launcher")
    page.locator(".jp-LauncherCard:visible", has_text="Start here").click()
    expect(tour).to_be_visible()
    tour.get_by_role("button", name="End the tour").click()


def kept(page: Page) -> str:
    """What JupyterLab has written down of this person's workspace."""
    place = page.url.partition("/lab")[0]
    return re.sub(r"\s", "", page.request.get(f"{place}/lab/api/workspaces/default").text())


def beside(tour: Locator, button: Locator) -> None:
    """The bubble does not cover what it is about."""
    bubble, about = tour.bounding_box(), button.bounding_box()
    assert bubble and about
    assert bubble["y"] >= about["y"] + about["height"], (bubble, about)
    assert abs(bubble["x"] - about["x"]) < 400, (bubble, about)


def test_the_server_says_what_it_uses(lab: Lab, page: Page) -> None:
    lab.open("welcome/examples/01-digits/digits.ipynb")
    item = page.get_by_role("button", name=re.compile("^CPU"))
    expect(item).to_contain_text("GB")
    expect(page.get_by_text("| Idle").first).to_be_visible()
    expect(item).to_have_attribute("title", "TensorFlow 2.21 (CPU), Python 3.11")
    item.focus()
    page.keyboard.press("Enter")
    popup = page.get_by_role("dialog", name="This server")
    expect(popup).to_be_focused()
    expect(popup.get_by_role("meter", name="Memory")).to_be_visible()
    expect(popup).to_contain_text("No machine here has a GPU.")
    expect(popup.get_by_role("button")).to_have_count(0)  # there is nothing to ask for
    lab.picture("server-light")
    popup.press("Escape")  # a notebook that is restored may have taken the focus meanwhile
    expect(popup).to_have_count(0)
    expect(item).to_be_focused()
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).hover()
    page.locator(".lm-Menu-itemLabel").get_by_text("JupyterLab Dark", exact=True).click()
    expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached()
    item.click()
    expect(popup.get_by_role("meter", name="Memory")).to_be_visible()
    lab.picture("server-dark")
    page.keyboard.press("Escape")
    expect(popup).to_have_count(0)


def test_an_admin_sees_everything_and_stops_a_server(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.deployment.url}/hub/home")
    page.get_by_role("link", name="Labdock admin").click()
    servers = page.get_by_role("region", name=re.compile("People.s servers"))
    expect(servers.get_by_role("row", name="admin")).to_contain_text("TensorFlow 2.21")
    expect(page.get_by_role("region", name="Disk")).to_contain_text("free of")
    expect(page.get_by_role("status")).to_have_text("Live")
    page.screenshot(path=lab.pictures / "admin-light.png", full_page=True)
    assert serious_findings(page) == []
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=lab.pictures / "admin-dark.png", full_page=True)
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", accept)
    servers.get_by_role("button", name="Stop the server of admin").click()
    expect(servers).to_contain_text("No server runs.", timeout=LATER)
    assert "what is in their memory is lost" in asked[0]
