"""The hub's API as the admin's commands use it, with the token that the state folder keeps."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labdock_service.errors import NotFound, Unavailable
from labdock_service.jsonfile import write_json
from labdock_service.names import account_of
from labdock_service.partports import HUB, read_ports
from labdock_service.settings import Settings

TOKEN_SCOPES = ("access:services!service=labdock", "access:services!service=tensorboard")


def make_token(settings: Settings, name: str) -> str:
    """A lasting token with which a person uses Labdock from outside the hub."""
    person = f"users/{quote(name, safe='')}"
    if _ask(settings, "GET", person) is None:
        raise NotFound(f"Nobody called '{name}' is known here: they log in once, then it works.")
    body = {"note": "labdock token", "scopes": list(TOKEN_SCOPES)}
    answer = _ask(settings, "POST", f"{person}/tokens", body) or {}
    return str(answer["token"])


def leave_members_only(settings: Settings) -> None:
    """Take those out of a project's group whom the settings no longer name.

    The hub itself adds those they do name when it starts, and never takes anyone out. A project
    that the settings named at the last start and name no more is left by everybody; a group that
    they never named is the admin's own. A project's own server, which a former member may have
    open or know the token of, ends with that.
    """
    record = settings.state.hub / "projects.json"
    for name in sorted({*_names_in(record), *settings.projects}):
        project = settings.projects.get(name)
        group = f"groups/{quote(name, safe='')}"
        found = _ask(settings, "GET", group) or {}
        account = account_of(name)
        stay = {*project.people, account} if project else set()
        former = sorted(set(found.get("users", [])) - stay)
        if former:
            _ask(settings, "DELETE", f"{group}/users", {"users": former})
            _ask(settings, "DELETE", f"users/{account}/server")
    write_json(record, sorted(settings.projects))


def _names_in(record: Path) -> list[str]:
    """The names of a record; none where it is not there or broken."""
    try:
        return [str(name) for name in json.loads(record.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _hub(settings: Settings) -> str:
    """The hub itself where it can be found, so that no certificate is in the way."""
    port = read_ports(settings.state).get(HUB)
    return f"http://127.0.0.1:{port}" if settings.tls.certificate and port else settings.door


def _ask(settings: Settings, method: str, path: str, body: object = None) -> dict[str, Any] | None:
    """The hub's answer; None where it knows no such thing. Raises Unavailable."""
    request = urllib.request.Request(
        f"{_hub(settings)}/hub/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {settings.state.admin_token.read_text().strip()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise Unavailable("The hub refused: start Labdock again with `make up`.") from None
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        raise Unavailable("The hub does not answer: start it with `make up`.") from None
