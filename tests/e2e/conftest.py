"""A browser for each file of tests, and a window for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import SOON, opened_browser, opened_page

expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with opened_page(browser, tmp_path) as opened:
        yield opened
