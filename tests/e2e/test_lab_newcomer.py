"""The first morning in JupyterLab: from the login to a digit that a model has read, by clicks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.deployment import Deployment
from tests.support.keyboard import Keyboard
from tests.support.lab import Lab, without_complaints

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(900)]

MOST_CLICKS = 12
SENT = 4
"""The digit of the model's sample: the first picture that the notebook trains with."""
LATER = 300_000
"""Milliseconds for a job, or a model server."""


@dataclass
class Mouse:
    """Clicks, and counts them."""

    clicks: int = 0

    def click(self, target: Locator, **options: Any) -> None:
        self.clicks += 1
        target.click(**options)


@pytest.fixture
def lab(page: Page, deployment: Deployment) -> Iterator[Lab]:
    with without_complaints(page):
        yield Lab(page, deployment)


def test_a_newcomer_needs_twelve_clicks_and_types_nothing_but_the_login(lab: Lab) -> None:
    page, mouse = lab.page, Mouse()
    page.goto(lab.deployment.url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(lab.deployment.password)
    mouse.click(page.get_by_role("button", name="Sign in"))
    lab.wait_until_restored()
    tour = page.get_by_role("region", name="Tour", exact=True)
    mouse.click(page.get_by_role("button", name="Take the tour"))
    mouse.click(tour.get_by_role("button", name="Open the notebook"))
    expect(page.get_by_text("| Idle").first).to_be_visible()
    mouse.click(tour.get_by_role("button", name="Run all cells"))
    expect(tour).to_contain_text("Watch it", timeout=LATER)

    train_on_two_workers(lab, mouse)
    mouse.click(tour.get_by_role("button", name="Show jobs"))
    rows = lab.side_bar("Jobs").locator("[data-job]")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("epoch", timeout=LATER)
    lab.picture("newcomer-jobs")
    for row in rows.all():
        expect(row).to_contain_text("succeeded", timeout=LATER)
    mouse.click(tour.get_by_role("button", name="Open TensorBoard"))
    board = page.frame_locator("iframe[title^=TensorBoard]")
    expect(board.get_by_text("epoch_accuracy").first).to_be_visible(timeout=LATER)
    lab.picture("newcomer-curves")

    mouse.click(tour.get_by_role("button", name="Deploy"))
    mouse.click(page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True))
    endpoint = page.get_by_role("region", name="Endpoint digits of project admin")
    expect(endpoint.get_by_text("Serves digits version")).to_be_visible(timeout=LATER)
    mouse.click(endpoint.get_by_role("button", name="Send"))
    expect(endpoint.get_by_text(re.compile(rf"^Class {SENT}\b"))).to_be_visible()
    lab.picture("newcomer-answer")
    expect(tour).to_have_count(0)
    expect(page.get_by_text("You have trained a model").first).to_be_visible()
    assert mouse.clicks <= MOST_CLICKS
    look_at_the_job(lab)


def train_on_two_workers(lab: Lab, mouse: Mouse) -> None:
    """By the notebook's toolbar; the field's arrow makes one worker two."""
    mouse.click(lab.page.get_by_role("toolbar").get_by_role("button", name="Train").first)
    workers = lab.page.get_by_role("dialog").get_by_label("Workers", exact=True)
    workers.hover()
    box = workers.bounding_box()
    assert box
    mouse.click(workers, position={"x": box["width"] - 14, "y": box["height"] * 0.3})
    expect(workers).to_have_value("2")
    dialog = lab.page.get_by_role("dialog")
    for awaited in ("Asking…", "Reading the files…"):
        expect(dialog.get_by_text(awaited)).to_have_count(0)
    lab.picture("newcomer-train")
    mouse.click(lab.page.get_by_role("dialog").get_by_role("button", name="Train"))
    expect(lab.page.get_by_role("dialog")).to_have_count(0)


def look_at_the_job(lab: Lab) -> None:
    """Its page, as the tutorial shows it."""
    lab.side_bar("Jobs").locator("[data-job]").first.dblclick()
    lab.page.get_by_role("tab", name="Curves").click()
    expect(lab.page.locator(".lbd-Chart-curve").first).to_be_visible()
    lab.picture("newcomer-job")


def test_the_keyboard_alone_goes_the_whole_way(lab: Lab) -> None:
    page, keys = lab.page, Keyboard(lab.page)
    page.goto(lab.deployment.url)
    expect(page.get_by_label("Username")).to_be_focused()
    keys.write("admin")
    keys.press("Tab")
    keys.write(lab.deployment.password)
    keys.press("Enter")
    lab.wait_until_restored()
    page.goto(f"{lab.deployment.url}/user/admin/lab?reset")  # nothing is open, as on a first day
    lab.wait_until_restored()
    keys.choose(page.get_by_role("button", name="Take the tour"))
    tour = page.get_by_role("region", name="Tour", exact=True)
    keys.choose(tour.get_by_role("button", name="Open the notebook"))
    expect(page.get_by_text("| Idle").first).to_be_visible()
    keys.choose(tour.get_by_role("button", name="Run all cells"))
    expect(tour).to_contain_text("Watch it", timeout=LATER)

    keys.command("Train…")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Workers", exact=True)).to_be_focused()
    keys.write("2")
    keys.go_to(form.get_by_label("epochs"))
    keys.write("3")
    lab.picture("keyboard-train")
    keys.press("Enter")
    expect(form).to_have_count(0)

    keys.command("Show Jobs")
    rows = page.get_by_role("listbox", name="Jobs")
    expect(rows).to_be_focused()
    keys.press("Shift+F10")
    expect(page.locator(".lm-Menu")).to_be_focused()
    keys.press("Escape")
    expect(rows).to_be_focused()
    keys.press("Home", "Enter")
    job = page.locator(".lbd-JobView:visible")
    expect(job.get_by_role("status").first).to_have_text("succeeded", timeout=LATER)
    keys.go_to(job.get_by_role("tab", name="Overview"))
    keys.press("ArrowRight", "ArrowRight")
    keys.go_to(job.get_by_role("img", name="loss by epoch"))
    keys.press("ArrowRight")
    expect(job.locator(".lbd-Chart-epoch")).to_be_visible()
    lab.picture("keyboard-curves")
    look_at_tensorboard(lab, keys, job)
    deploy_and_ask(lab, keys)


def look_at_tensorboard(lab: Lab, keys: Keyboard, job: Locator) -> None:
    """From a job's toolbar; into the frame and out of it again."""
    keys.go_to_tool(job, "TensorBoard", "Shift+Tab")
    keys.press("Enter")
    frame = lab.page.locator("iframe[title^=TensorBoard]:visible")
    expect(frame.content_frame.get_by_text("epoch_accuracy").first).to_be_visible(timeout=LATER)
    keys.go_to(frame)
    keys.press("Shift+Tab")
    expect(frame).not_to_be_focused()


def deploy_and_ask(lab: Lab, keys: Keyboard) -> None:
    """Take what the dialog proposes; Enter in a number sends them all."""
    keys.command("Deploy a Model…")
    form = lab.page.get_by_role("dialog")
    keys.choose(form.get_by_role("button", name="Deploy", exact=True))
    expect(form).to_have_count(0)
    endpoint = lab.page.get_by_role("region", name="Endpoint digits of project admin")
    expect(endpoint.get_by_role("button", name="Send")).to_be_enabled(timeout=LATER)
    keys.go_to(endpoint.get_by_label("pixels, number 1", exact=True))
    keys.press("Enter")
    expect(endpoint.get_by_text(re.compile(rf"^Class {SENT}\b"))).to_be_visible()
    lab.picture("keyboard-answer")
