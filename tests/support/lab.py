"""JupyterLab in a browser, by what a person sees of it; and what it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError, expect
from tests.support.accessibility import serious_findings
from tests.support.browser import SOON
from tests.support.deployment import CHECKOUT, Deployment

PALETTE = 10_000
"""Milliseconds for the palette."""
PASSED_OVER = ("favicon", "ERR_NETWORK_CHANGED", "/hub/font-roboto/")
"""What a browser says of its machine, where networks come and go, and not of a page; and the fonts
that TensorBoard looks for at the root of its host, wherever it is served."""


@dataclass
class Lab:
    """One window with JupyterLab."""

    page: Page
    deployment: Deployment
    pictures: Path = CHECKOUT / "build/pictures"
    """What the tests saw, to be looked at."""

    def open(self, path: str = "", *, person: str = "admin") -> None:
        """Log in, where the hub asks for it, and open JupyterLab, or a file in it."""
        self.page.goto(self.deployment.url)  # which starts the person's server, too
        self.log_in(person)
        if path:
            self.page.goto(f"{self.deployment.url}/user/{person}/lab/tree/{path}")
        self.wait_until_restored()

    def log_in(self, person: str = "admin") -> None:
        """Fill in the hub's form where it is shown, and wait for JupyterLab."""
        name = self.page.get_by_label("Username")
        menu = self.page.get_by_role("menuitem", name="File", exact=True)
        expect(name.or_(menu).first).to_be_visible(timeout=SOON * 2)
        if name.is_visible():
            name.fill(person)
            self.page.get_by_label("Password").fill(self.deployment.password_of(person))
            self.page.get_by_role("button", name="Sign in").click()
        expect(menu).to_be_visible(timeout=SOON * 2)

    def wait_until_restored(self) -> None:
        """What was open before is there again once the splash has gone."""
        expect(self.page.get_by_role("menuitem", name="File", exact=True)).to_be_visible()
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def command(self, label: str) -> None:
        """Run a command by the palette, as a keyboard does.

        A document that is restored may take the focus meanwhile, which closes the palette.
        """
        for _ in range(3):
            with suppress(TimeoutError):
                return self._run_command(label)
        return self._run_command(label)

    def _run_command(self, label: str) -> None:
        self.page.keyboard.press("Control+Shift+C")
        palette = self.page.locator("#command-palette, .jp-ModalCommandPalette")
        search = palette.get_by_role("textbox").or_(palette.get_by_role("searchbox")).first
        search.fill(label, timeout=PALETTE)
        found = palette.locator("[role^=menuitem]", has_text=label).first
        found.wait_for(timeout=PALETTE)
        search.press("Enter", timeout=PALETTE)

    def side_bar(self, title: str) -> Locator:
        """Open a side bar by its tab; where it is open it stays so."""
        region = self.page.get_by_role("region", name=title, exact=True)
        if not region.is_visible():
            tab = self.page.locator(".jp-SideBar").get_by_role("tab", name=title, exact=True)
            tab.click()
        expect(region).to_be_visible()
        return region

    def job(self, job_id: str) -> Locator:
        """A job's row in the side bar of jobs."""
        return self.side_bar("Jobs").locator(f"[data-job={job_id}]")

    def picture(self, name: str) -> Path:
        """Keep what is seen now, which everybody must be able to use."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        file = self.pictures / f"{name}.png"
        self.page.screenshot(path=file)
        found = serious_findings(self.page)
        assert not found, "\n".join([f"In {name}:", *found])
        return file


@contextmanager
def without_complaints(page: Page) -> Iterator[list[str]]:
    """No page of this window complains meanwhile: no errors in its console, and no crashes."""
    heard: list[str] = []
    page.context.on(
        "console",
        lambda said: heard.append(f"{said.text} {said.location}") if said.type == "error" else None,
    )
    page.context.on("weberror", lambda error: heard.append(str(error.error)))
    yield heard
    complaints = [said for said in heard if not any(words in said for words in PASSED_OVER)]
    assert not complaints, complaints
