"""A browser for each file of tests, and a window for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import SOON, opened_browser, opened_page
from tests.support.deployment import Deployment
from tests.support.lab import Lab, without_complaints

expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with opened_page(browser, tmp_path) as opened:
        yield opened


@pytest.fixture
def lab(page: Page, deployment: Deployment) -> Iterator[Lab]:
    """JupyterLab of the admin's server, which complains of nothing."""
    with without_complaints(page):
        opened = Lab(page, deployment)
        opened.open()
        yield opened
