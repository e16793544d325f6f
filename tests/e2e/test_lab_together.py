"""Two people in one project: in the same notebook at once, and by links that one sends the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import opened_page
from tests.support.deployment import Deployment, running_deployment
from tests.support.lab import Lab, without_complaints
from tests.support.notebooks import write_notebook

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(900)]

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
            pictures = tmp_path / name
            page = stack.enter_context(opened_page(browser, pictures, permissions=CLIPBOARD))
            stack.enter_context(without_complaints(page))
            labs.append(Lab(page, deployment))
        yield labs[0], labs[1]


def test_two_people_in_one_notebook_and_a_link_from_one_to_the_other(
    people: tuple[Lab, Lab], deployment: Deployment
) -> None:
    project = deployment.state.data_roots / "projects/digits"
    ann, bo = people
    ann.open(person="ann")
    bo.open(person="bo")
    write_notebook(project / "plan.ipynb", "print('a plan')")

    card = ann.page.locator(".jp-LauncherCard", has_text="Work together")
    expect(card).to_be_visible()
    ann.picture("together-launcher")
    with ann.page.expect_popup() as opened:
        card.click()
    anns = Lab(opened.value, deployment)
    expect_ready(anns)
    anns.page.get_by_role("listitem", name="plan.ipynb").dblclick()

    bo.page.goto(f"{deployment.url}/user/bo/lab/tree/projects/digits/plan.ipynb")
    bo.wait_until_restored()
    with bo.page.expect_popup() as opened:
        bo.command("Work Together")
    bos = Lab(opened.value, deployment)
    expect_ready(bos)

    cell = anns.page.locator(".jp-NotebookPanel .cm-content").first
    expect(cell).to_contain_text("a plan", timeout=LATER)
    expect(bos.page.locator(".jp-NotebookPanel .cm-content").first).to_contain_text("a plan")
    cell.click()
    anns.page.keyboard.press("Control+End")
    anns.page.keyboard.type("\nprint('and ann was here')")
    expect(bos.page.locator(".jp-NotebookPanel .cm-content").first).to_contain_text("ann was here")
    bos.picture("together-bo-sees-ann")
    anns.picture("together-ann")
    assert "/workspaces/ann" in anns.page.url and "/workspaces/bo" in bos.page.url


def expect_ready(lab: Lab) -> None:
    """JupyterLab is there, however long its server takes to start."""
    lab.page.get_by_role("menuitem", name="File", exact=True).wait_for(timeout=LATER)
    lab.wait_until_restored()
