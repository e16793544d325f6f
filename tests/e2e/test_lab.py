"""JupyterLab's extension in a real browser, on the deployment as it is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.support.deployment import Deployment
from tests.support.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(600)]

LATER = 300_000
"""Milliseconds for a job."""


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
