"""Deploying a model, asking it and looking at its curves, without leaving JupyterLab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from tests.support.browser import opened_page
from tests.support.deployment import Deployment
from tests.support.lab import Lab, without_complaints

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

LATER = 300_000
"""Milliseconds for a job, or a model server."""

DIGITS = """
import keras
from sklearn.datasets import load_digits

digits = load_digits()
model = keras.Sequential(
    [
        keras.Input((64,), name="pixels"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ],
    name="digits",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit((digits.data / 16).astype("float32"), digits.target, epochs=8, verbose=2)
"""


def test_a_model_is_deployed_asked_and_taken_back(
    lab: Lab, deployment: Deployment, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "digits.py").write_text(DIGITS)
    job = deployment.submit(tmp_path / "digits.py")
    lab.command("Show Models and Endpoints")
    side_bar = lab.side_bar("Models and Endpoints")
    side_bar.get_by_role("button", name="Deploy digits version 1").click(timeout=LATER)
    deploy(lab, "deploy-first")

    endpoint = lab.page.get_by_role("region", name="Endpoint digits of project admin")
    expect(endpoint.get_by_text("Brings up digits version 1.")).to_be_visible()
    lab.picture("endpoint-coming-up")
    expect(endpoint.get_by_text("Serves digits version 1.")).to_be_visible(timeout=LATER)
    expect(lab.page.get_by_text("Endpoint digits serves digits version 1.")).to_be_visible()
    expect(side_bar.get_by_text("Serves digits version 1.")).to_be_visible()

    endpoint.get_by_role("button", name="Send").click()
    expect(endpoint.get_by_text("Class 0")).to_be_visible()
    expect(endpoint.get_by_text("Revision 1 answered in")).to_be_visible()
    lab.picture("endpoint-answer")
    ask_with_an_image(endpoint)
    lab.picture("endpoint-image")

    deploy_by_the_jobs_menu(lab)
    expect(revision(endpoint, 2)).to_contain_text("100 %", timeout=LATER)
    lab.page.get_by_role("button", name="Undo Deploy").click()
    dialog = lab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("goes back to revision 1, digits version 1")
    dialog.get_by_role("button", name="Go Back").click()
    expect(revision(endpoint, 1)).to_contain_text("100 %", timeout=LATER)

    revision(endpoint, 1).get_by_role("button", name="Where it came from").click()
    expect(endpoint.get_by_text("digits.py", exact=True)).to_be_visible()
    make_a_key_and_revoke_it(endpoint)
    endpoint.get_by_text("Log of the model server").click()
    expect(endpoint.get_by_role("log")).to_contain_text("digits", timeout=LATER)
    endpoint.get_by_role("log").scroll_into_view_if_needed()
    lab.picture("endpoint-below")

    lab.page.reload()
    expect(endpoint.get_by_text("Serves digits version 1.")).to_be_visible(timeout=LATER)
    look_at_curves(lab)
    links = copied_links(lab, job)
    for link, shown in zip(links, (".lbd-JobView", ".lbd-Endpoint", ".jp-Notebook"), strict=True):
        with opened_page(browser, tmp_path) as page, without_complaints(page):
            page.goto(link)
            Lab(page, deployment).log_in()
            expect(page.locator(f"{shown}:visible")).to_contain_text("digits")


def copied_links(lab: Lab, job: str) -> list[str]:
    """A job's, an endpoint's and a notebook's, as people copy them."""
    page = lab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.job(job).click(button="right")
    links = [copied(page, page.get_by_role("menuitem", name="Copy Link"))]
    tools = page.locator("jp-toolbar:visible")  # of the endpoint, which is in front
    links += [copied(page, tools.get_by_role("button", name="Copy Link"))]
    page.locator(".jp-SideBar [data-id=filebrowser]").click()
    files = page.get_by_role("region", name="File Browser Section")
    for name in ("welcome", "examples", "01-digits"):
        files.get_by_text(name, exact=True).dblclick()
    files.get_by_text("digits.ipynb", exact=True).click(button="right")
    return [*links, copied(page, page.get_by_role("menuitem", name="Copy Shareable Link"))]


def copied(page: Page, button: Locator) -> str:
    """What lies in the clipboard after a click."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")
    return str(page.evaluate("navigator.clipboard.readText()"))


def ask_with_an_image(endpoint: Locator) -> None:
    """The one that is drawn, as a file, in the place of another row."""
    drawn = endpoint.get_by_role("img", name="pixels, drawn")
    image = FilePayload(name="digit.png", mimeType="image/png", buffer=drawn.screenshot())
    endpoint.get_by_label("Row").select_option("Row 2 of 3")
    endpoint.get_by_role("button", name="Send").click()
    expect(endpoint.get_by_text("Class 1")).to_be_visible()
    with endpoint.page.expect_file_chooser() as asked:
        endpoint.get_by_role("button", name="Choose an Image…").click()
    asked.value.set_files(image)
    endpoint.get_by_role("button", name="Send").click()
    expect(endpoint.get_by_text("Class 0")).to_be_visible()


def deploy_by_the_jobs_menu(lab: Lab) -> None:
    row = lab.side_bar("Jobs").locator("[data-job]")
    row.click(button="right")
    menu = lab.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Deploy…")).to_be_visible()
    lab.picture("jobs-menu")
    menu.get_by_role("menuitem", name="Deploy…").click()
    deploy(lab, "deploy-second")


def make_a_key_and_revoke_it(endpoint: Locator) -> None:
    endpoint.get_by_label("What for").fill("website")
    endpoint.get_by_role("button", name="Make a Key").click()
    expect(endpoint.get_by_label("The new key")).to_contain_text("ldk_")
    endpoint.get_by_role("button", name="Revoke key website").click()
    endpoint.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(endpoint.get_by_label("The new key")).to_have_count(0)


def look_at_curves(lab: Lab) -> None:
    """TensorBoard in a tab, light and then dark; nobody was at its gate before."""
    lab.command("Open TensorBoard")
    board = lab.page.frame_locator("iframe[title^=TensorBoard]")
    expect(board.get_by_text("epoch_accuracy").first).to_be_visible(timeout=LATER)
    expect(board.locator("line-chart canvas").first).to_be_visible()
    lab.picture("tensorboard-light")
    lab.command("Use Theme: JupyterLab Dark")
    expect(board.locator("body.dark-mode")).to_be_visible(timeout=LATER)
    expect(board.locator("line-chart canvas").first).to_be_visible(timeout=LATER)
    lab.picture("tensorboard-dark")
    lab.page.locator(".lm-DockPanel-tabBar").get_by_text("digits", exact=True).first.click()
    lab.page.get_by_role("button", name="Send").click()
    expect(lab.page.get_by_text("Class 0")).to_be_visible()
    lab.picture("endpoint-dark")


def deploy(lab: Lab, picture: str) -> None:
    """Take what the dialog proposes."""
    dialog = lab.page.get_by_role("dialog")
    expect(dialog.get_by_text("It answers as the trained model did.")).to_be_visible()
    lab.picture(picture)
    dialog.get_by_role("button", name="Deploy", exact=True).click()
    expect(dialog).to_have_count(0)


def revision(endpoint: Locator, number: int) -> Locator:
    return endpoint.locator(f"[data-revision='{number}']")
