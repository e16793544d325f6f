"""JupyterLab's extension in a real browser, on the deployment as it is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.deployment import Deployment
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


def test_a_job_of_the_command_line_is_followed_in_the_side_bar(
    lab: Lab, deployment: Deployment, tmp_path: Path
) -> None:
    lab.command("Show Jobs")
    jobs = lab.side_bar("Jobs")
    expect(jobs.get_by_text("There are no jobs yet.")).to_be_visible()

    job = submit(deployment, tmp_path / "hello.py", "print('hello')\n")
    row = lab.job(job)
    expect(row).to_contain_text("hello")
    lab.picture("job-submitted")
    expect(row).to_contain_text("succeeded", timeout=LATER)
    lab.picture("job-succeeded")


def submit(deployment: Deployment, script: Path, code: str) -> str:
    """Submit a script by the command line; the job's id."""
    script.parent.mkdir(exist_ok=True)
    script.write_text(code)
    made = deployment.labdock("token", "admin")
    assert made.returncode == 0, made.stderr
    place = {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": made.stdout.strip()}
    done = deployment.labdock("submit", str(script), "--json", **place)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])
