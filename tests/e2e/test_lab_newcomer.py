"""The first morning in JupyterLab: from the login to a digit that a model has read, by clicks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.deployment import Deployment
from tests.support.lab import Lab, without_complaints

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(900)]

MOST_CLICKS = 12
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
    expect(endpoint.get_by_text(re.compile(r"^Class \d"))).to_be_visible()
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
    lab.picture("newcomer-train")
    mouse.click(lab.page.get_by_role("dialog").get_by_role("button", name="Train"))
    expect(lab.page.get_by_role("dialog")).to_have_count(0)


def look_at_the_job(lab: Lab) -> None:
    """Its page, as the tutorial shows it."""
    lab.side_bar("Jobs").locator("[data-job]").first.dblclick()
    lab.page.get_by_role("tab", name="Curves").click()
    expect(lab.page.locator(".lbd-Chart-curve").first).to_be_visible()
    lab.picture("newcomer-job")
