"""What axe-core finds in Labdock's own parts of a page."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from tests.lab import tools
from tests.support.onebyone import one_by_one

AXE = tools.MODULES / "axe-core/axe.min.js"
OURS = "[class*=lbd-], main#live"
"""JupyterLab's own parts are its own matter."""

JUPYTERLABS = "<jp-button "
"""The buttons of its toolbars, which say `aria-pressed` where nothing can be pressed."""

RUN = """async ours => {
    const parts = [...document.querySelectorAll(ours)].filter(part => part.checkVisibility());
    const outermost = parts.filter(part => !parts.some(one => one !== part && one.contains(part)));
    if (outermost.length === 0) {
        return [];
    }
    const found = await axe.run(outermost, { resultTypes: ['violations'], iframes: false });
    return found.violations;
}"""


def serious_findings(page: Page) -> list[str]:
    """What is serious or critical, each with where it is."""
    with one_by_one("lab-modules"):
        tools.ensure_modules()
    if page.evaluate("() => typeof axe === 'undefined'"):
        page.evaluate(AXE.read_text())
    return [
        f"{found['id']}: {found['help']}: {node['html'][:200]} {node['failureSummary']}"
        for found in page.evaluate(RUN, OURS)
        if found["impact"] in ("serious", "critical")
        for node in _nodes(found)
        if not node["html"].startswith(JUPYTERLABS)
    ]


def _nodes(found: dict[str, Any]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes
