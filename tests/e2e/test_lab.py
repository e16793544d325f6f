"""JupyterLab's extension in a real browser, on the deployment as it is shipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import opened_page
from tests.support.deployment import Deployment
from tests.support.lab import Lab, without_complaints
from tests.support.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

LATER = 300_000
"""Milliseconds for a job."""

EPOCHS = 8
TRAINING = """
import time
from pathlib import Path
import keras
import numpy as np

class Waits(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("epoch", epoch + 1, "is over", flush=True)
        while epoch == 2 and not Path({gate!r}).exists():
            time.sleep(0.1)

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
data = np.random.default_rng(0).random((64, 4)), np.zeros((64, 1))
history = model.fit(*data, epochs={epochs}, verbose=0, callbacks=[Waits()])
"""
"""It tells of its second epoch, and ends its third one when there is a file."""


def test_a_job_of_the_command_line_is_followed_in_the_side_bar(
    lab: Lab, deployment: Deployment, tmp_path: Path
) -> None:
    lab.command("Show Jobs")
    jobs = lab.side_bar("Jobs")
    expect(jobs.get_by_text("There are no jobs yet.")).to_be_visible()

    (tmp_path / "hello.py").write_text("print('hello')\n")
    job = deployment.submit(tmp_path / "hello.py")
    row = lab.job(job)
    expect(row).to_contain_text("hello")
    lab.picture("job-submitted")
    expect(row).to_contain_text("succeeded", timeout=LATER)
    lab.picture("job-succeeded")


def test_nothing_is_missing_where_the_browser_was_closed_in_the_middle(
    lab: Lab, deployment: Deployment, browser: Browser, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    training = TRAINING.format(gate=str(gate), epochs=EPOCHS)
    home = next((deployment.state.root / "homes").iterdir())
    write_notebook(home / "closed.ipynb", "print(6 * 7)", training, "print(len(history.epoch))")
    begin_and_close(lab)
    gate.touch()

    with opened_page(browser, tmp_path) as page, without_complaints(page):
        elsewhere = Lab(page, deployment)
        elsewhere.open()
        row = elsewhere.side_bar("Jobs").locator("[data-job]").first
        expect(row).to_contain_text("succeeded", timeout=LATER)
        row.dblclick()
        look_at_all_of_it(elsewhere)
        elsewhere.open("closed.ipynb")
        expect(page.get_by_text("| Idle").first).to_be_visible(timeout=LATER)
        cells = page.locator(".jp-Notebook:visible .jp-CodeCell")
        expect(cells.first.locator(".jp-OutputArea-output")).to_have_text("42")
        cells.last.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")  # of the kernel that has gone on meanwhile
        expect(cells.nth(2).locator(".jp-OutputArea-output")).to_have_text(str(EPOCHS))
        elsewhere.picture("opened-elsewhere")


def begin_and_close(lab: Lab) -> None:
    """Run a cell, train, compute in the kernel, and close the browser while both go on."""
    page = lab.page
    lab.open("closed.ipynb")
    expect(page.get_by_text("| Idle").first).to_be_visible()
    cells = page.locator(".jp-Notebook:visible .jp-CodeCell")
    cells.first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cells.first.locator(".jp-OutputArea-output")).to_have_text("42")
    lab.command("Train…")
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Train").click()
    expect(form).to_have_count(0)
    cells.nth(1).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cells.nth(1)).to_contain_text("epoch 3 is over", timeout=LATER)
    rows = lab.side_bar("Jobs").locator("[data-job]")
    expect(rows.first).to_contain_text(f"epoch 2/{EPOCHS}", timeout=LATER)
    page.context.close()


def look_at_all_of_it(lab: Lab) -> None:
    """The log from its first line to its last, the curve, and the executed notebook."""
    page = lab.page.locator(".lbd-JobView:visible")
    page.get_by_role("tab", name="Log", exact=True).click()
    lines = page.get_by_role("log").get_by_text(re.compile(r"epoch \d is over"))
    expect(lines).to_have_text([f"epoch {epoch} is over" for epoch in range(1, EPOCHS + 1)])
    page.get_by_role("tab", name="Curves", exact=True).click()
    page.get_by_text("loss as a table").click()
    expect(page.locator("tbody tr")).to_have_count(EPOCHS)
    page.get_by_role("button", name="Open Executed Notebook").click()
    executed = lab.page.locator(".jp-Notebook:visible .jp-CodeCell")
    expect(executed.nth(1)).to_contain_text(f"epoch {EPOCHS} is over")
    expect(executed.nth(2).locator(".jp-OutputArea-output")).to_have_text(str(EPOCHS))
