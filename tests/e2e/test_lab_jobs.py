"""Jobs in JupyterLab: the side bar and a job's page, from the first epoch to the undo."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Response, expect
from tests.support.deployment import Deployment, eventually
from tests.support.lab import Lab
from tests.support.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(900)]

LATER = 300_000
"""Milliseconds for a job."""

TRAINING = """
import time
import keras
import numpy as np

class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"\\x1b[32mepoch {epoch + 1} is over\\x1b[0m", flush=True)
        time.sleep(1)

for number in range(3000):
    print("line", number)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
data = np.random.default_rng(0).random((64, 4)), np.zeros((64, 1))
model.fit(*data, epochs=400, validation_split=0.25, verbose=0, callbacks=[Slow()])
"""

FAILING = ("width = 3", "def measure(width):\n    return 1 / (width - 3)\n\nmeasure(width)", "1")

SEVERAL = (
    "rate = 0.1",
    """
import os
import keras
import numpy as np

print("I am", os.environ.get("TF_CONFIG", "alone")[-24:])
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(rate), "mse")
data = np.random.default_rng(0).random((64, 4)), np.zeros((64, 1))
model.fit(*data, epochs=10, verbose=0)
""",
)

MANY = 2000


def test_a_job_is_watched_stopped_deleted_and_had_back(
    lab: Lab, deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(TRAINING)
    job = deployment.submit(tmp_path / "slow.py")
    row = lab.job(job)
    expect(row).to_contain_text("running", timeout=LATER)
    row.dblclick()
    page = job_page(lab)
    expect(page.locator(".lbd-JobHead-state")).to_contain_text("epoch 3/400", timeout=LATER)
    expect(row.get_by_role("img", name="Loss")).to_be_visible()
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    lab.picture("job-page-running")

    part(page, "Curves")
    expect(page.get_by_role("img", name="loss by epoch")).to_be_visible()
    expect(page.get_by_text("val_loss")).to_be_visible()
    page.get_by_role("img", name="loss by epoch").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(page.locator(".lbd-Chart-epoch")).to_be_visible()
    lab.picture("job-page-curves")

    part(page, "Log")
    log = page.get_by_role("log")
    expect(log.get_by_text("epoch 5 is over")).to_be_visible(timeout=LATER)
    follow = page.get_by_label("Follow")
    log.evaluate("box => (box.scrollTop -= 20)")
    expect(follow).not_to_be_checked()
    log.evaluate("box => (box.scrollTop = box.scrollHeight)")
    expect(follow).to_be_checked()
    assert log.locator(".lbd-Log-line").count() < 200
    page.get_by_role("searchbox", name="Search in the log").fill("line 1234")
    expect(log.get_by_text("line 1234")).to_be_visible()
    lab.picture("job-page-log")

    lab.page.reload()
    lab.wait_until_restored()
    page = job_page(lab)
    expect(page.get_by_role("heading", name="slow", exact=True)).to_be_visible()
    expect(page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")
    expect(lab.page.get_by_role("tab", name="slow").last).to_be_visible()
    part(page, "Curves")
    page.get_by_text("loss as a table").click()
    expect(page.locator("tbody tr").filter(has_text="3").first).to_be_visible()
    choose_theme(lab, "JupyterLab Dark")
    lab.picture("job-page-dark")

    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".lbd-JobHead-state")).to_contain_text("stopped", timeout=LATER)
    part(page, "Overview")
    expect(page.get_by_text("Asked to stop by admin")).to_be_visible()
    row = lab.job(job)
    row.click(button="right")
    lab.page.get_by_role("menuitem", name="Delete", exact=True).click()
    expect(row).to_have_count(0)
    expect(page.get_by_text("This job is deleted.")).to_be_visible()
    lab.picture("job-deleted")
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    choose_theme(lab, "JupyterLab Light")


def test_a_notebook_that_fails_shows_its_cell(
    lab: Lab, deployment: Deployment, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "broken.ipynb", *FAILING)
    job = deployment.submit(tmp_path / "broken.ipynb")
    expect(lab.job(job)).to_contain_text("failed", timeout=LATER)
    lab.job(job).click()
    lab.page.keyboard.press("Enter")
    page = job_page(lab)
    failure = page.get_by_role("region", name="Why it failed")
    expect(failure.get_by_role("alert")).to_contain_text("Cell 2: ZeroDivisionError")
    expect(failure.locator(".lbd-Failure-cell")).to_contain_text("def measure(width):")
    expect(failure.locator(".lbd-Failure-traceback")).to_contain_text("return 1 / (width - 3)")
    lab.picture("job-failed")

    part(page, "What ran")
    expect(page.get_by_text("sha256:").first).to_be_visible()
    lab.picture("job-what-ran")
    part(page, "Files")
    expect(page.get_by_role("link", name="Download broken.executed.ipynb")).to_be_visible()
    lab.picture("job-files")
    part(page, "Differences")
    lab.picture("job-differences")

    page.get_by_role("button", name="Run Again with Changes").click()
    dialog = lab.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("once more")
    lab.picture("job-again")
    dialog.get_by_role("button", name="Run", exact=True).click()
    again = job_page(lab)
    expect(again.get_by_role("heading", name="once more")).to_be_visible()
    part(again, "Differences")
    expect(again.get_by_text("The two jobs do not differ.")).to_be_visible()

    lab.page.get_by_role("tab", name="broken").click()
    page = job_page(lab)
    page.get_by_role("button", name="Open Executed Notebook").click()
    opened = lab.page.get_by_role("tab", name="broken.executed.ipynb")
    expect(opened).to_be_visible()
    lab.picture("job-executed")

    lab.page.get_by_role("tab", name="broken", exact=True).click()
    page = job_page(lab)
    page.get_by_role("button", name="Retry").click()
    part(page, "Overview")
    expect(page.get_by_text("Asked to go on by admin")).to_be_visible()


def test_jobs_are_laid_over_each_other_and_asked_together(
    lab: Lab, deployment: Deployment, tmp_path: Path
) -> None:
    tag_parameters(write_notebook(tmp_path / "several.ipynb", *SEVERAL))
    first = deployment.submit(tmp_path / "several.ipynb", "--workers", "2")
    expect(lab.job(first)).to_contain_text("succeeded", timeout=LATER)
    lab.job(first).dblclick()
    page = job_page(lab)
    part(page, "Log")
    expect(page.get_by_role("log", name="Output of worker 0")).to_contain_text("I am")
    page.get_by_label("Worker", exact=True).select_option("1")
    expect(page.get_by_role("log", name="Output of worker 1")).to_contain_text('"index": 1')
    lab.picture("job-log-workers")

    page.get_by_role("button", name="Run Again with Changes").click()
    dialog = lab.page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("slower")
    dialog.get_by_label("rate").fill("much")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog.get_by_text("'rate' takes a number, not 'much'.")).to_be_visible()
    expect(dialog.get_by_label("rate")).to_be_focused()
    lab.picture("job-again-mistake")
    dialog.get_by_label("rate").fill("0.01")
    dialog.get_by_role("button", name="Run", exact=True).click()
    page = job_page(lab)
    expect(page.get_by_role("heading", name="slower")).to_be_visible()
    slower = lab.side_bar("Jobs").locator("[data-job]", has_text="slower")
    second = slower.get_attribute("data-job") or ""
    expect(lab.job(second)).to_contain_text("succeeded", timeout=LATER)
    part(page, "Curves")
    with lab.page.expect_response(lambda answer: keeps(answer, f'"over":["{first}"]')):
        page.get_by_label("Draw another job over it").select_option(first)
    expect(page.locator(".lbd-Chart-legend li")).to_have_count(2)
    lab.picture("job-curves-over")
    lab.page.reload()
    lab.wait_until_restored()
    expect(job_page(lab).locator(".lbd-Chart-legend li")).to_have_count(2)

    lab.job(second).click()
    lab.job(first).click(modifiers=["Control"])
    jobs = lab.side_bar("Jobs")
    expect(jobs.get_by_role("status")).to_contain_text("2 selected")
    jobs.get_by_role("button", name="TensorBoard").click()
    board = lab.page.locator(".lbd-TensorBoard iframe")
    expect(board).to_have_attribute("src", re.compile(f"runFilter={second}%7C{first}"))
    lab.picture("jobs-selected")
    choose_theme(lab, "JupyterLab Dark")
    lab.picture("jobs-selected-dark")
    lab.page.get_by_role("tab", name="slower").click()
    lab.picture("job-curves-over-dark")
    choose_theme(lab, "JupyterLab Light")
    jobs.get_by_role("listbox", name="Jobs").press("Delete")
    expect(lab.job(first)).to_have_count(0)
    lab.picture("jobs-deleted")
    told = lab.page.locator(".Toastify__toast", has_text="2 jobs are deleted")
    told.get_by_role("button", name="Undo").click()
    expect(lab.job(first)).to_be_visible()
    expect(lab.job(second)).to_be_visible()


def test_two_thousand_jobs_stay_smooth(lab: Lab, deployment: Deployment) -> None:
    multiply(deployment.state.database, MANY)
    lab.page.reload()
    lab.wait_until_restored()
    jobs = lab.side_bar("Jobs")
    rows = jobs.locator("[data-job]")
    expect(rows.first).to_be_visible()
    assert rows.count() < 60
    eventually(lambda: last_row(jobs) == "copy 1", what="the end of the list")
    assert rows.count() < 60
    lab.picture("jobs-two-thousand")

    jobs.get_by_role("searchbox", name="Search jobs").fill("copy 1234")
    expect(rows).to_have_count(1)
    jobs.get_by_role("searchbox", name="Search jobs").fill("number=77")
    expect(jobs.get_by_text("copy 77", exact=True)).to_be_visible()
    with lab.page.expect_response(lambda answer: "/api/workspaces" in answer.url):
        jobs.get_by_label("State").select_option("failed")
    expect(jobs.get_by_text("No job is like that.")).to_be_visible()
    jobs.get_by_role("searchbox", name="Search jobs").fill("")
    expect(rows.first).to_contain_text("failed")
    lab.picture("jobs-failed")
    lab.page.reload()
    lab.wait_until_restored()
    expect(lab.side_bar("Jobs").get_by_label("State")).to_have_value("failed")


def keeps(answer: Response, text: str) -> bool:
    """Whether it is that JupyterLab's state was kept, with a text in it."""
    return "/api/workspaces" in answer.url and text in (answer.request.post_data or "")


def tag_parameters(notebook: Path) -> None:
    """Give the first cell the tag `parameters`."""
    body = json.loads(notebook.read_text())
    body["cells"][0]["metadata"]["tags"] = ["parameters"]
    notebook.write_text(json.dumps(body))


def job_page(lab: Lab) -> Locator:
    """The page of a job that is in front."""
    page = lab.page.locator(".lbd-JobPage:visible").locator("xpath=..")
    expect(page).to_be_visible()
    return page


def part(page: Locator, title: str) -> None:
    """Look at another part of it."""
    page.get_by_role("tab", name=title, exact=True).click()


def choose_theme(lab: Lab, name: str) -> None:
    """By the menu, as people do, and wait until the page is there in it."""
    lab.page.get_by_role("menuitem", name="Settings", exact=True).click()
    lab.page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    lab.page.locator(".lm-Menu-item", has_text=name).first.click()
    is_light = str(name.endswith("Light")).lower()
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    lab.wait_until_restored()


def last_row(jobs: Locator) -> str:
    """Go to the end of the list, as far as it was read; the name that is there."""
    jobs.get_by_role("listbox", name="Jobs").press("End")
    return jobs.locator(".lbd-JobRow-name").last.inner_text()


def multiply(database: Path, count: int) -> None:
    """As many older jobs as asked for, like the newest one but for their names."""
    curve = [[number, 1 / number] for number in range(1, 20)]
    progress = {"epoch": 19, "epochs": 19, "metrics": {"loss": 0.0526}, "curve": curve}
    with sqlite3.connect(database, timeout=60) as connection:
        connection.row_factory = sqlite3.Row
        newest = connection.execute("SELECT * FROM jobs ORDER BY created DESC").fetchone()
        names = newest.keys()
        places = ", ".join("?" * len(names))
        written = f"INSERT INTO jobs ({', '.join(names)}) VALUES ({places})"
        for number in range(1, count + 1):
            own = {
                "id": f"j{base32(number)}",
                "name": f"copy {number}",
                "created": newest["created"] - 1e6 + number,
                "parameters": json.dumps({"number": number}),
                "progress": json.dumps(progress),
                "state": "succeeded",
                "failure": None,
                "ended": newest["created"],
            }
            connection.execute(written, [own.get(name, newest[name]) for name in names])
    connection.close()


def base32(number: int) -> str:
    """Ten letters as the service's ids have them."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(letters[number >> (5 * place) & 31] for place in range(10))
