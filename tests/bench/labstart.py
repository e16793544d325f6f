"""How long JupyterLab takes to start in a browser, with Labdock's extension and without it."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, Page
from tests.bench.measure import Series, interleave
from tests.support.browser import opened_browser
from tests.support.deployment import Deployment
from tests.support.labserver import PASSWORD, lab_server

CHROMIUM = Path("/usr/bin/chromium")
NAME = "labdock-lab"
WITH, WITHOUT = "with Labdock", "without"
FIRST, AGAIN = "the first time", "again"
SETTLING = 5_000
"""Milliseconds after a start in which what is loaded belongs to it."""

STARTED = """() => new Promise(resolve => {
    const look = () => {
        const started = document.querySelector('.jp-Launcher-body')?.checkVisibility();
        const splash = document.getElementById('jupyterlab-splash');
        if (started && (!splash || splash.classList.contains('splash-fade'))) {
            resolve(performance.now());
        } else {
            requestAnimationFrame(look);
        }
    };
    look();
})"""
"""Milliseconds from the navigation until somebody can click on what the launcher offers."""

SCRIPTS = f"""() => performance.getEntriesByType('resource').map(one => one.name)
    .filter(name => new URL(name).pathname.includes('/{NAME}/') && name.includes('.js'))"""


def measure(
    deployment: Deployment, python: Path, folder: Path, rounds: int
) -> dict[str, list[Series]]:
    """Both in the same rounds, in a browser that knows nothing of it yet and in one that does."""
    with contextlib.ExitStack() as stack:
        browser = stack.enter_context(opened_browser(CHROMIUM))
        labs = {
            WITH: stack.enter_context(jupyterlab(deployment, python, folder / "with")),
            WITHOUT: stack.enter_context(
                jupyterlab(deployment, python, folder / "without", others(python, folder))
            ),
        }
        contenders: dict[str, Callable[[], float]] = {}
        for name, lab in labs.items():
            contenders[f"{name}, {FIRST}"] = partial(first_start, browser, lab)
            known = stack.enter_context(contextlib.closing(browser.new_context()))
            start(known, lab)
            contenders[f"{name}, {AGAIN}"] = partial(start, known, lab)
        starts = interleave(contenders, rounds, "ms")
        return {"lab": list(starts.values()), "lab, script": script(browser, labs[WITH])}


@contextlib.contextmanager
def jupyterlab(
    deployment: Deployment, python: Path, folder: Path, *arguments: str
) -> Iterator[httpx.Client]:
    """A server of the admin's, beside the one that the hub starts."""
    folder.mkdir(parents=True)
    token = deployment.labdock("token", "admin").stdout.strip()
    own = {
        "LABDOCK_URL": f"{deployment.url}/services/labdock",
        "JUPYTERHUB_API_TOKEN": token,
        "JUPYTERHUB_USER": "admin",
    }
    with lab_server(folder, python, *arguments, **own) as client:
        yield client


def others(python: Path, folder: Path) -> str:
    """The option for a server with all extensions but Labdock's."""
    installed = python.parent.parent / "share/jupyter/labextensions"
    linked = folder / "labextensions"
    linked.mkdir(parents=True)
    for extension in installed.iterdir():
        if extension.name != NAME:
            (linked / extension.name).symlink_to(extension)
    return f"--LabApp.labextensions_path={linked}"


def first_start(browser: Browser, lab: httpx.Client) -> float:
    """Milliseconds of a start in a browser without a cache."""
    with contextlib.closing(browser.new_context()) as context:
        return start(context, lab)


def start(context: BrowserContext, lab: httpx.Client) -> float:
    """Milliseconds of a start."""
    with contextlib.closing(context.new_page()) as page:
        return opened(page, lab)


def opened(page: Page, lab: httpx.Client) -> float:
    """Open a workspace in which nothing is open; milliseconds until it can be used."""
    page.goto(f"{lab.base_url}lab?token={PASSWORD}", wait_until="commit")
    return float(page.evaluate(STARTED))


def script(browser: Browser, lab: httpx.Client) -> list[Series]:
    """What of the extension a start loads, compressed as `make check` does it."""
    with contextlib.closing(browser.new_page()) as page:
        opened(page, lab)
        page.wait_for_timeout(SETTLING)
        loaded = page.evaluate(SCRIPTS)
    sizes = [len(gzip.compress(lab.get(url).content, mtime=0)) / 1000 for url in loaded]
    return [Series("compressed script at the start", "kB", (sum(sizes),))]
