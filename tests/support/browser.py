"""Debian's Chromium, and windows of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

SOON = 60_000
"""Milliseconds for a page."""

OPTIONS = ["--no-sandbox"] if os.geteuid() == 0 else []


@contextmanager
def opened_browser(chromium: Path) -> Iterator[Browser]:
    """A browser without windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS, timeout=SOON)
        yield browser
        browser.close()


@contextmanager
def opened_page(browser: Browser, pictures: Path, **options: Any) -> Iterator[Page]:
    """A window with cookies of its own; its last picture lies in the folder `pictures`.

    `options` are Playwright's, as `color_scheme` and `ignore_https_errors`.
    """
    page = browser.new_page(**({"viewport": {"width": 1500, "height": 1050}} | options))
    page.context.set_default_timeout(SOON)
    yield page
    if not page.is_closed():
        page.screenshot(path=pictures / "last.png")
        page.close()
