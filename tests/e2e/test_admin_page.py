"""The admins' page in a browser, with many things on it: no hub, and nothing that runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Response, expect
from tests.support.accessibility import serious_findings
from tests.support.api import PREFIX, Api, api_in_thread, make_jobs, make_settings
from tests.support.browser import opened_page
from tests.support.deployment import CHECKOUT
from tests.support.invented import WithGpus

from labdock_service.reconciler.loop import own_pipe
from labdock_service.store import events, verifications
from labdock_service.store.tables import JobRow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

IMAGE = "sha256:" + "1" * 64
SERVER = {
    "ready": True,
    "started": "2026-01-01T10:00:00.000000Z",
    "last_activity": "2026-01-01T11:00:00.000000Z",
    "user_options": {},
}
QUEUED = 250


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A busy deployment, as the database has it."""
    monkeypatch.setattr("labdock_service.packaging.environments.PinnedEnvironment.images", (IMAGE,))
    settings = make_settings(tmp_path)
    engine = WithGpus(settings.state, own_pipe(settings.state))
    with api_in_thread(tmp_path, settings, engine) as made:
        crowd(made)
        yield made


def crowd(api: Api) -> None:
    """People, jobs and nodes, more than a page has room for."""
    api.hub.servers_of = {f"person-{number:02}": SERVER for number in range(40)}
    found = make_jobs(api, QUEUED + 12)
    running, queued = found[:12], found[12:]
    with api.parts.store.write() as session:
        for number, job in enumerate(queued):
            row = session.get_one(JobRow, job)
            row.state, row.queued, row.message = "queued", 1e9 + number, "Waits for its turn."
        for job in running:
            row = session.get_one(JobRow, job)
            row.state, row.started, row.message = "running", 1.7e9, "Epoch 3 of 10."
        for number in range(12):
            verifications.keep(session, IMAGE, f"gpu-{number:02}", [], 1.7e9 + number)
        failed = [{"check": "gpu", "passed": False, "said": "the driver is too old"}]
        verifications.keep(session, IMAGE, "old-node", failed, 1.7e9)


@pytest.fixture
def page(browser: Browser, api: Api, tmp_path: Path) -> Iterator[Page]:
    token = {"Authorization": "token token-root"}
    with opened_page(browser, tmp_path, extra_http_headers=token) as opened:
        opened.goto(f"{api.url}{PREFIX}admin")
        expect(opened.get_by_role("status")).to_have_text("Live")
        yield opened


def test_what_changes_is_drawn_and_nothing_else_moves(api: Api, page: Page) -> None:
    queue, rows = part(page, "Queue"), part(page, "Queue").locator("tbody tr")
    expect(rows).to_have_count(100)
    expect(queue).to_contain_text("and 150 more")
    picture(page, "admin-many")
    queue.get_by_role("button", name="Show 100 more").click()
    expect(rows).to_have_count(200)

    images = part(page, "Environments")
    images.get_by_text("12 nodes").click()
    button = rows.nth(3).get_by_role("button")
    button.focus()
    held, scrolled = button.element_handle(), page.evaluate("scrollY")
    asked = refuse(page)
    drawn = counted(page)
    for number in (0, 1, 3):
        stop(api, rows.nth(number))
    expect(rows.nth(0)).to_contain_text("digits-14")
    expect(rows).to_have_count(200)
    assert held is not None
    assert held.evaluate("button => !button.isConnected")  # the fourth, which was stopped as well
    expect(page.get_by_role("heading", name="Queue")).to_be_focused()
    assert page.evaluate("scrollY") == scrolled
    expect(images.get_by_text("gpu-03")).to_be_visible()  # it stays open
    assert len(drawn) <= 7, drawn  # three changes, and at most two drawings a second

    rows.nth(0).get_by_role("button").click()
    assert "loses its place in the queue" in asked[0]
    expect(rows.nth(0)).to_contain_text("digits-14")


def test_it_says_that_what_it_shows_may_be_old(page: Page) -> None:
    page.route("**/admin/changes", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("may be out of date")
    expect(page.get_by_role("timer")).to_contain_text(re.compile(r"again in \d+ s"))
    page.screenshot(path=CHECKOUT / "build/pictures/admin-away.png")
    expect(page.get_by_role("timer")).to_contain_text(re.compile(r"in 1\d s"))  # time to press it
    page.unroute("**/admin/changes")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("status")).to_have_text("Live")
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def stop(api: Api, row: Locator) -> None:
    """What becomes of it elsewhere."""
    job = (row.get_attribute("id") or "").removeprefix("queue-job-")
    with api.parts.store.write() as session:
        found = session.get_one(JobRow, job)
        found.state = "stopped"
        events.add(session, found.project_id, "ada", "job.stopped", job=job)


def refuse(page: Page) -> list[str]:
    """Think better of whatever is asked."""
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    return asked


def counted(page: Page) -> list[str]:
    drawn: list[str] = []

    def count(answer: Response) -> None:
        if "/admin/live" in answer.url:
            drawn.append(answer.url)

    page.on("response", count)
    return drawn


def picture(page: Page, name: str) -> None:
    """Light and dark, which everybody must be able to use."""
    folder = CHECKOUT / "build/pictures"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        assert serious_findings(page) == []
    page.emulate_media(color_scheme="light")
