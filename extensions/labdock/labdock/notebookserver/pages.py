"""What JupyterLab's page is told: in a project's own server each person has a window of their own.

There JupyterLab's links lead into this server and not into that of whoever follows them, and each
person's layout is a workspace under their name. Nowhere does a page load what is switched off.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from jupyter_server.base.handlers import JupyterHandler
from tornado.routing import PathMatches, Rule
from tornado.web import authenticated

PROJECT = "LABDOCK_PROJECT"
"""The project whose own server this is; none in a person's."""
HOOK = "page_config_hook"


def install(app: Any) -> None:
    """Add to what JupyterHub tells the page; it has to be there already."""
    settings = app.web_app.settings
    project, base = os.environ.get(PROJECT, ""), settings["base_url"]
    before = settings.get(HOOK, lambda _, told: told)

    def tell(handler: Any, told: dict[str, Any]) -> dict[str, Any]:
        told = before(handler, told)
        told["federated_extensions"] = _switched_on(told)
        return told | {"labdockProject": project, "shareUrl": base} if project else told

    settings[HOOK] = tell
    if project:
        own = PathMatches(rf"{base}lab(/tree/.*)?/?$")
        app.web_app.default_router.rules.insert(0, Rule(own, OwnWorkspace))


def _switched_on(told: dict[str, Any]) -> list[dict[str, Any]]:
    off = told.get("disabledExtensions", ())
    return [found for found in told.get("federated_extensions", ()) if found["name"] not in off]


class OwnWorkspace(JupyterHandler):  # type: ignore[misc]  # it has no types here
    """Leads from JupyterLab to the same in the person's own workspace of it."""

    @authenticated
    def get(self, tree: str | None = None) -> None:
        """Go there."""
        del tree
        base = f"{self.base_url}lab"
        rest = self.request.uri.removeprefix(base)
        self.redirect(f"{base}/workspaces/{quote(self.current_user.username)}{rest}")
