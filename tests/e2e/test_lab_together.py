"""Two people in one project: in the same notebook at once, and by links that one sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.support.browser import opened_page
from tests.support.deployment import Deployment, running_deployment
from tests.support.lab import Lab, without_complaints
from tests.support.notebooks import write_notebook

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(900)]

COLLABORATION = "[data-id=jp-collaboration-panel]"
CLIPBOARD = ["clipboard-read", "clipboard-write"]

LATER = 300_000
"""Milliseconds for a job, or for a server."""


@pytest.fixture(scope="module")
def deployment(
    prepared: StateFolder,
    environment: Path,
    labdock_proxy: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """A team whose project two people are in."""
    del environment, labdock_proxy  # they lie in `prepared` now
    folder = tmp_path_factory.mktemp("deployment")
    team = {
        "LABDOCK_PROCESS__TRUSTED_TEAM": "true",
        "LABDOCK_PROJECTS__DIGITS__MEMBERS": "ann,bo",
    }
    with running_deployment(prepared, folder, **team) as running:
        yield running


@pytest.fixture
def people(browser: Browser, deployment: Deployment, tmp_path: Path) -> Iterator[tuple[Lab, Lab]]:
    """Two browsers, each with its person's own JupyterLab."""
    with ExitStack() as stack:
        labs = []
        for name in ("ann", "bo"):
            opened = opened_page(browser, tmp_path / name, permissions=CLIPBOARD)
            page = stack.enter_context(opened)
            heard = stack.enter_context(without_complaints(page))
            stack.callback(forget, heard, "Comm not found")  # of widgets, in the second window
            labs.append(Lab(page, deployment))
            labs[-1].open(person=name)
        yield labs[0], labs[1]


def forget(heard: list[str], words: str) -> None:
    heard[:] = [said for said in heard if words not in said]


def test_two_people_in_one_notebook_and_links_from_one_to_the_other(
    people: tuple[Lab, Lab], deployment: Deployment
) -> None:
    ann, bo = people
    file = deployment.state.data_roots / "projects/digits/plan.ipynb"
    write_notebook(file, "print('a plan')")

    card = ann.page.locator(".jp-LauncherCard", has_text="Work together")
    expect(card).to_be_visible()
    expect(ann.page.locator(COLLABORATION)).to_have_count(0)  # a person alone has nothing of it
    anns = opened_by(ann, card)
    anns.page.get_by_role("listitem", name="plan.ipynb").dblclick()
    expect(cell(anns)).to_contain_text("a plan", timeout=LATER)

    bo.page.goto(f"{deployment.url}/user/bo/lab/tree/projects/digits/plan.ipynb")
    expect(cell(bo)).to_contain_text("a plan")
    bo.page.get_by_role("menuitem", name="File", exact=True).click()
    bos = opened_by(bo, bo.page.get_by_role("menuitem", name="Work Together…"))
    expect(cell(bos)).to_contain_text("a plan")
    assert anns.page.url.endswith("/workspaces/ann/tree/plan.ipynb")
    assert bos.page.url.endswith("/workspaces/bo/tree/plan.ipynb")

    bos.page.locator(COLLABORATION).click()
    expect(bos.page.locator(".jp-Collaborator", has_text="ann")).to_be_visible()
    cell(anns).click()
    anns.page.keyboard.press("Control+End")
    anns.page.keyboard.type("\nprint('and ann was here')")
    expect(cell(bos)).to_contain_text("ann was here")
    bos.picture("together")

    anns.page.keyboard.type("\nprint('to the last word')")
    anns.page.keyboard.press("Control+Shift+Enter")  # at once: it is saved before
    dialog = anns.page.get_by_role("dialog")
    expect(dialog.get_by_label("Project")).to_have_value("digits")
    dialog.get_by_role("button", name="Train", exact=True).click()
    row = anns.side_bar("Jobs").locator("[data-job]").first
    expect(row).to_contain_text("plan")
    assert "to the last word" in file.read_text()

    row.click(button="right")
    anns.page.get_by_role("menuitem", name="Copy Link", exact=True).click()
    bo.page.goto(copied(anns))
    page = bo.page.locator(".lbd-JobPage")
    expect(page).to_contain_text("the project digits")
    expect(page).to_contain_text("succeeded", timeout=LATER)
    bo.picture("together-followed-link")

    anns.page.locator("[data-id=filebrowser]").click()
    anns.page.get_by_role("listitem", name="plan.ipynb").click(button="right")
    anns.page.get_by_role("menuitem", name="Copy Shareable Link").click()
    assert copied(anns) == f"{deployment.url}/user/project--digits/lab/tree/plan.ipynb"
    bos.page.goto(copied(anns))
    expect_ready(bos)
    expect(cell(bos)).to_contain_text("to the last word")


def opened_by(lab: Lab, opener: Locator) -> Lab:
    """The project's server, in the window that a click opens."""
    with lab.page.expect_popup() as opened:
        opener.click()
    shared = Lab(opened.value, lab.deployment)
    expect_ready(shared)
    return shared


def expect_ready(lab: Lab) -> None:
    """JupyterLab is there, however long its server takes to start."""
    lab.page.get_by_role("menuitem", name="File", exact=True).wait_for(timeout=LATER)
    lab.wait_until_restored()


def cell(lab: Lab) -> Locator:
    return lab.page.locator(".jp-NotebookPanel .cm-content").first


def copied(lab: Lab) -> str:
    """What lies in the clipboard."""
    return str(lab.page.evaluate("navigator.clipboard.readText()"))
