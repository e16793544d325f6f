"""The hub's API as the services ask it: who a token is of, and what their groups are.

A service that the hub manages finds all it needs in its environment. The hub's answers are
kept for a few seconds, so that a revoked token is refused soon.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from labdock_service.errors import Forbidden, Unavailable
from labdock_service.ids import normal_time, person_id
from labdock_service.recent import Recent

LOG = logging.getLogger(__name__)
KEPT_SECONDS = 5.0
PAGE = 100
"""Servers that the hub is asked about at once."""
ADMIN = "labdock-admin"
"""The service whose token the hub's own configuration and the admin's commands hold."""
PROJECT_ID = "labdock_id"
"""The property of a hub group that holds its project's id."""

_PROJECT = re.compile(r"g[a-z2-7]{10}")


@dataclass(frozen=True, kw_only=True)
class HubUser:
    """A person as the hub knows them."""

    name: str
    created: str
    admin: bool
    groups: tuple[str, ...]

    @property
    def id(self) -> str:
        """The person's id."""
        return person_id(self.name, self.created)


@dataclass(frozen=True, kw_only=True)
class HubPlace:
    """Where the hub is and who this service is to it: JUPYTERHUB_* variables."""

    prefix: str
    api_url: str
    api_token: str
    client_id: str
    callback: str
    authorize: str
    access_scopes: frozenset[str]
    secure: bool

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> HubPlace:
        """Read them, as the hub sets them for a service that it manages."""
        base = environment.get("JUPYTERHUB_HOST", "") + environment["JUPYTERHUB_BASE_URL"]
        prefix = environment["JUPYTERHUB_SERVICE_PREFIX"]
        return cls(
            prefix=prefix,
            api_url=environment["JUPYTERHUB_API_URL"],
            api_token=environment["JUPYTERHUB_API_TOKEN"],
            client_id=environment["JUPYTERHUB_CLIENT_ID"],
            callback=environment.get("JUPYTERHUB_OAUTH_CALLBACK_URL") or f"{prefix}oauth_callback",
            authorize=f"{base}hub/api/oauth2/authorize",
            access_scopes=frozenset(json.loads(environment["JUPYTERHUB_OAUTH_ACCESS_SCOPES"])),
            secure=environment.get("JUPYTERHUB_PUBLIC_URL", "").startswith("https:"),
        )


@dataclass(frozen=True, kw_only=True)
class HubServer:
    """A person's server that runs or starts, as the hub knows it."""

    person: str
    ready: bool
    environment: str
    """What was chosen for it: a name or digest, or empty for the default."""
    started: float | None
    last_activity: float | None


class Hub:
    """The hub's API, as far as a service needs it."""

    def __init__(self, place: HubPlace) -> None:
        self.place = place
        self._names: Recent[str, str | None] = Recent(KEPT_SECONDS)
        self._services: Recent[str, str | None] = Recent(KEPT_SECONDS)
        self._servers: Recent[str, bool] = Recent(KEPT_SECONDS)
        self._users: Recent[str, HubUser | None] = Recent(KEPT_SECONDS)
        self._properties: Recent[str, dict[str, Any] | None] = Recent(KEPT_SECONDS)

    async def user_for_token(self, token: str) -> HubUser | None:
        """The person whose token this is; None for an unknown one. Raises Forbidden."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        name = await self._names.get(digest, lambda: self._name_for_token(token))
        return await self.user(name) if name is not None else None

    async def service_for_token(self, token: str) -> str | None:
        """The name of the service whose token this is; None where it is no service's."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        return await self._services.get(digest, lambda: self._service_for_token(token))

    async def is_servers(self, token: str) -> bool:
        """Whether it is the token of a person's server."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        return await self._servers.get(digest, lambda: self._is_servers(token))

    async def user(self, name: str) -> HubUser | None:
        """A person by name."""
        return await self._users.get(name, lambda: self._find_user(name))

    async def token_for_code(self, code: str, verifier: str) -> str | None:
        """The token that a login's code stands for; None where the hub refuses it."""
        form = {
            "client_id": self.place.client_id,
            "client_secret": self.place.api_token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.place.callback,
            "code_verifier": verifier,
        }
        answer = await self.ask("POST", "oauth2/token", body=urlencode(form), token=None)
        return answer["access_token"] if answer is not None else None

    async def servers(self) -> list[HubServer]:
        """Every server that runs or starts, by its person's name."""
        found: list[HubServer] = []
        for offset in itertools.count(step=PAGE):
            path = f"users?state=active&limit={PAGE}&offset={offset}"
            people = cast(list[dict[str, Any]], await self.ask("GET", path) or [])
            own = ((person["name"], person.get("servers", {}).get("")) for person in people)
            found += [_server(name, server) for name, server in own if server]
            if len(people) < PAGE:
                break
        return sorted(found, key=lambda server: server.person)

    async def stop_server(self, person: str) -> bool:
        """Have the hub stop a person's server; False where there is none."""
        return await self.ask("DELETE", f"users/{quote(person, safe='')}/server") is not None

    async def group_exists(self, name: str) -> bool:
        """Whether the hub has a group of that name."""
        return await self._group_properties(name) is not None

    async def project_id(self, group: str) -> str | None:
        """The project id that the hub keeps for a group; None where it keeps none."""
        found = await self._properties.get(group, lambda: self._group_properties(group))
        kept = (found or {}).get(PROJECT_ID)
        return kept if isinstance(kept, str) and _PROJECT.fullmatch(kept) else None

    async def keep_project_id(self, group: str, project: str) -> bool:
        """Have the hub keep a group's project id; False where this service may not write it."""
        properties = await self._group_properties(group)
        if properties is None:
            return False
        body = json.dumps({**properties, PROJECT_ID: project})
        path = f"groups/{quote(group, safe='')}/properties"
        self._properties.clear()
        return await self.ask("PUT", path, body=body) is not None

    async def ask(
        self, method: str, path: str, *, body: str | None = None, token: str | None = ""
    ) -> dict[str, Any] | None:
        """The hub's answer; None where it refuses. Raises Unavailable where it is away.

        `token` is the service's own unless another, or None for none at all.
        """
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"token {token or self.place.api_token}"
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = HTTPRequest(
            f"{self.place.api_url}/{path}", method, headers, body, request_timeout=20
        )
        try:
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        except (HTTPError, OSError):
            raise Unavailable("The hub does not answer now. Try again in a moment.") from None
        if answer.code >= 500:
            raise Unavailable("The hub cannot say now who you are. Try again in a moment.")
        if answer.code >= 300 and token == "":
            LOG.warning("The hub answered %s to %s %s.", answer.code, method, path)
        return cast(dict[str, Any], json.loads(answer.body or "{}")) if answer.code < 300 else None

    async def _name_for_token(self, token: str) -> str | None:
        found = await self.ask("GET", "user", token=token)
        if found is None:
            return None
        if found.get("kind") != "user":
            raise Forbidden("This token is a service's: use one of a person.")
        if self.place.access_scopes.isdisjoint(found["scopes"]):
            raise Forbidden("This token may not use Labdock: ask for one with access to services.")
        return cast(str, found["name"])

    async def _service_for_token(self, token: str) -> str | None:
        found = await self.ask("GET", "user", token=token)
        return found["name"] if found is not None and found.get("kind") == "service" else None

    async def _is_servers(self, token: str) -> bool:
        """A person's own tokens reach all of their servers, and so name none."""
        found = await self.ask("GET", "user", token=token) or {"scopes": [], "name": ""}
        own = f"access:servers!server={found['name']}/"
        return any(scope.startswith(own) for scope in found["scopes"])

    async def _find_user(self, name: str) -> HubUser | None:
        found = await self.ask("GET", f"users/{quote(name, safe='')}")
        if found is None:
            return None
        return HubUser(
            name=found["name"],
            created=normal_time(found["created"]),
            admin=bool(found.get("admin")),
            groups=tuple(sorted(found.get("groups", []))),
        )

    async def _group_properties(self, group: str) -> dict[str, Any] | None:
        found = await self.ask("GET", f"groups/{quote(group, safe='')}")
        return found.get("properties", {}) if found is not None else None


def _server(person: str, told: Mapping[str, Any]) -> HubServer:
    return HubServer(
        person=person,
        ready=bool(told.get("ready")),
        environment=str((told.get("user_options") or {}).get("environment") or ""),
        started=_time(told.get("started")),
        last_activity=_time(told.get("last_activity")),
    )


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
