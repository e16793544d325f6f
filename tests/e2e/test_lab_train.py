"""Train in JupyterLab: by mouse and by keyboard, with its mistakes and what is kept of a choice."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.deployment import Deployment, eventually
from tests.support.lab import Lab, without_complaints

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

NOTEBOOK = "welcome/examples/01-digits/digits.ipynb"
LATER = 300_000
"""Milliseconds for a job."""


@pytest.fixture
def lab(page: Page, deployment: Deployment) -> Iterator[Lab]:
    with without_complaints(page) as heard:
        opened = Lab(page, deployment)
        opened.open(NOTEBOOK)
        until_ready(page)
        yield opened
        heard[:] = [said for said in heard if "start-forecast" not in said]  # a 400 to a mistake


def until_ready(page: Page) -> None:
    """The notebook is there, and its kernel, whose name JupyterLab writes into the notebook."""
    expect(page.get_by_text("test accuracy").first).to_be_visible()
    expect(page.get_by_text("| Idle").first).to_be_visible()


def dialog(lab: Lab) -> Locator:
    return lab.page.get_by_role("dialog")


def files(lab: Lab) -> Locator:
    browser = lab.page.get_by_role("region", name="File Browser Section")
    if not browser.is_visible():  # another part of the side bar was open before
        lab.page.locator(".jp-SideBar [data-id=filebrowser]").click()
    return browser


def offered_for(lab: Lab, name: str) -> None:
    """Train is in the menu of a file."""
    files(lab).get_by_text(name, exact=True).click(button="right")
    expect(lab.page.get_by_role("menuitem", name="Train…")).to_be_visible()
    lab.page.keyboard.press("Escape")
    expect(lab.page.get_by_role("menuitem", name="Train…")).to_have_count(0)


def submitted(lab: Lab) -> dict[str, object]:
    """The newest job, as the page reads it."""
    path = f"{lab.deployment.url}/user/admin/labdock/api/jobs?limit=1"
    found: list[dict[str, object]] = json.loads(lab.page.request.get(path).text())
    return found[0]


def digest(lab: Lab, snapshot: object) -> str | None:
    path = f"{lab.deployment.url}/user/admin/labdock/api/snapshots/{snapshot}"
    found: str | None = json.loads(lab.page.request.get(path).text())["digest"]
    return found


def test_train_on_two_workers_by_mouse_and_again_by_keyboard(lab: Lab) -> None:
    page, form = lab.page, dialog(lab)
    page.get_by_role("toolbar").get_by_role("button", name="Train").first.click()
    expect(form.get_by_label("epochs")).to_have_value("10")
    expect(form.get_by_label("learning_rate")).to_have_value("0.003")
    expect(form.get_by_text("Starts at once.")).to_be_visible()
    expect(form.get_by_text("digits.ipynb", exact=True)).to_be_visible()
    expect(form.get_by_text("All that it imports is in the environment.")).to_be_visible()
    lab.picture("train-dialog")

    form.get_by_label("Workers", exact=True).fill("2")
    form.get_by_label("epochs").fill("many")
    sentence = "epochs is a whole number (default 10): give it as 20, not many."
    expect(form.get_by_text(sentence)).to_be_visible()
    expect(form.get_by_label("epochs")).to_have_attribute("aria-invalid", "true")
    lab.picture("train-mistake")
    form.get_by_role("button", name="Train").click()
    expect(form.get_by_label("epochs")).to_be_focused()
    form.get_by_label("epochs").fill("3")
    expect(form.get_by_text(sentence)).to_have_count(0)
    form.get_by_role("button", name="Train").click()
    expect(form).to_have_count(0)
    expect(page.get_by_text("digits was submitted.")).to_be_visible()
    lab.picture("train-submitted")
    first = submitted(lab)
    assert (first["workers"], first["parameters"]) == (2, {"epochs": 3})
    expect(lab.job(str(first["id"]))).to_contain_text("succeeded", timeout=LATER)

    page.reload()
    until_ready(page)
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+Shift+Enter")
    expect(form.get_by_label("Workers", exact=True)).to_be_focused()
    expect(form.get_by_label("Workers", exact=True)).to_have_value("2")
    expect(form.get_by_label("epochs")).to_have_value("3")
    expect(form.get_by_text("In the notebook: 10")).to_be_visible()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    page.keyboard.press("Control+Shift+Enter")
    expect(form.get_by_label("Workers", exact=True)).to_be_focused()
    page.keyboard.type("1")
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(form.get_by_label("epochs")).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    second = submitted(lab)
    assert (second["workers"], second["parameters"]) == (1, {"epochs": 1})
    expect(lab.job(str(second["id"]))).to_be_visible()

    page.locator(".jp-Notebook .jp-Cell", has_text="labdock.train(workers=2)").last.click()
    page.keyboard.press("Shift+Enter")
    eventually(lambda: submitted(lab)["id"] != second["id"], seconds=120)
    third = submitted(lab)
    assert (third["workers"], third["parameters"]) == (2, {})
    assert digest(lab, second["snapshot"]) == digest(lab, third["snapshot"]) is not None


def test_a_folder_from_the_file_browser_in_the_dark(lab: Lab) -> None:
    page, form = lab.page, dialog(lab)
    page.goto(f"{lab.deployment.url}/user/admin/lab/tree/welcome/examples")
    lab.wait_until_restored()
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-item", has_text="JupyterLab Dark").first.click()
    browser = files(lab)
    browser.get_by_text("02-script").click(button="right")
    page.get_by_role("menuitem", name="Train…").click()
    expect(form.get_by_label("Notebook or script")).to_have_value("train.py")
    form.get_by_label("Arguments").fill("--epochs 'x")
    expect(form.get_by_text("quotation mark")).to_be_visible()
    form.get_by_label("Workers", exact=True).fill("64")
    form.get_by_label("CPUs per worker").fill("100")
    expect(form.get_by_text("ask for less.").first).to_be_visible()
    lab.picture("train-dark")
    form.get_by_role("button", name="Cancel").click()
    expect(form).to_have_count(0)
    browser.get_by_text("02-script").dblclick()
    offered_for(lab, "train.py")


def test_what_was_typed_is_saved_first(lab: Lab) -> None:
    page, form = lab.page, dialog(lab)
    page.locator(".jp-Notebook .cm-content", has_text="learning_rate = ").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nwidth = 32")
    offered_for(lab, "digits.ipynb")
    page.locator(".jp-Notebook .cm-content", has_text="width = 32").first.click()
    page.keyboard.press("Control+Shift+Enter")
    expect(form.get_by_label("width")).to_have_value("32")
    lab.picture("train-saved")
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
