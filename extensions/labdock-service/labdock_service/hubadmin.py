"""The hub's API as the admin's commands use it, with the token that the state folder keeps."""

from __future__ import annotations

import json
import time
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
STOPPING = 202
"""The hub's status while a server is still being stopped."""
STOP_SECONDS = 20.0
"""How long a server may take to stop, or the hub to know whether it runs."""


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
    open or know the token of, ends with that. What fails for one project holds up no other and
    is done again at the next start. Raises Unavailable.
    """
    record, begun = settings.state.hub / "projects.json", settings.state.hub / "leaving.json"
    unfinished = set(_names_in(begun))
    names = sorted({*_names_in(record), *unfinished, *settings.projects})
    write_json(record, names)
    failed: dict[str, Unavailable] = {}
    for name in names:
        try:
            former = _former(settings, name)
            if former or name in unfinished or name not in settings.projects:
                unfinished.add(name)
                write_json(begun, sorted(unfinished))
                _leave(settings, name, former)
                unfinished.remove(name)
        except Unavailable as error:
            failed[name] = error
    write_json(begun, sorted(unfinished))
    write_json(record, sorted({*settings.projects, *failed}))
    if failed:
        reason = next(iter(failed.values()))
        raise Unavailable(f"Not all who left {', '.join(failed)} are out yet. {reason}")


def _former(settings: Settings, name: str) -> list[str]:
    """Who is in a project's group and is not to be."""
    project = settings.projects.get(name)
    stay = {*project.people, account_of(name)} if project else set()
    found = _ask(settings, "GET", _group(name)) or {}
    return sorted(set(found.get("users", [])) - stay)


def _leave(settings: Settings, name: str, former: list[str]) -> None:
    """Take people out; the server stops before, and after in case one of them started it again.

    The account of a project that is gone goes too: the next of that name has another id and home.
    """
    account = f"users/{account_of(name)}"
    server = f"{account}/server"
    _stop(settings, server)
    if former:
        _ask(settings, "DELETE", f"{_group(name)}/users", {"users": former})
        _stop(settings, server)
    if name not in settings.projects:
        _ask(settings, "DELETE", account)


def _stop(settings: Settings, server: str) -> None:
    """Have a server stopped, and wait until it is. Raises Unavailable."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            if _answer(settings, "DELETE", server)[0] != STOPPING:
                return
            raise Unavailable(
                "The hub takes long to stop a server: start Labdock again with `make up`."
            )
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _group(name: str) -> str:
    return f"groups/{quote(name, safe='')}"


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
    status, answer = _answer(settings, method, path, body)
    return None if status == 404 else dict(json.loads(answer or b"{}"))


def _answer(settings: Settings, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{_hub(settings)}/hub/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {settings.state.admin_token.read_text().strip()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return 404, b""
        raise Unavailable("The hub refused: start Labdock again with `make up`.") from None
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        raise Unavailable("The hub does not answer: start it with `make up`.") from None
