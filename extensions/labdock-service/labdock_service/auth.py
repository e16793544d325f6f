"""Who is asking: the hub's tokens for programs, a login through the hub for browsers.

A service that the hub manages finds all it needs in its environment. The hub's answers are
kept for a few seconds, so that a revoked token is refused soon. JupyterHub's own `HubOAuth`
is not used: it is made for Tornado's handlers, and importing it takes 35 MB a process.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from labdock_service.errors import Forbidden, Invalid, Unauthorized, Unavailable
from labdock_service.ids import derived_id

LOG = logging.getLogger(__name__)
KEPT_SECONDS = 5.0
LOGIN_SECONDS = 600
PROJECT_ID = "labdock_id"
"""The property of a hub group that holds its project's id."""

_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+([\x21-\x7e]{1,1000})\s*", re.IGNORECASE)
_PROJECT = re.compile(r"g[a-z2-7]{10}")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_LOGIN = "This login was not begun in this browser: open the page again."
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def person_id(name: str, created: str | datetime) -> str:
    """The id of the person whom the hub made under this name at this time."""
    return derived_id("p", name, normal_time(created))


def personal_project_id(person: str) -> str:
    """The id of the project that is a person's own."""
    return derived_id("g", person)


def normal_time(created: str | datetime) -> str:
    """One spelling for a time that the hub gives as text, or its database without a zone."""
    time = datetime.fromisoformat(created) if isinstance(created, str) else created
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


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


class Recent(Generic[_Key, _Value]):
    """Answers that are kept for some seconds; who asks meanwhile shares one question."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[_Key, tuple[float, asyncio.Task[_Value]]] = {}

    async def get(self, key: _Key, ask: Callable[[], Awaitable[_Value]]) -> _Value:
        """The kept answer, or a new one."""
        now = monotonic()
        until, task = self._answers.get(key, (0.0, None))
        if task is None or until < now or _failed(task):
            self._forget(now)
            task = asyncio.ensure_future(_await(ask))
            self._answers[key] = (now + self._seconds, task)
        return await asyncio.shield(task)

    def clear(self) -> None:
        """Forget all of them."""
        self._answers.clear()

    def _forget(self, now: float) -> None:
        old = [key for key, (until, _) in self._answers.items() if until < now]
        for key in old:
            del self._answers[key]


async def _await(ask: Callable[[], Awaitable[_Value]]) -> _Value:
    return await ask()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


class Hub:
    """The hub's API, as far as a service needs it."""

    def __init__(self, place: HubPlace) -> None:
        self.place = place
        self._names: Recent[str, str | None] = Recent(KEPT_SECONDS)
        self._users: Recent[str, HubUser | None] = Recent(KEPT_SECONDS)
        self._properties: Recent[str, dict[str, Any] | None] = Recent(KEPT_SECONDS)

    async def user_for_token(self, token: str) -> HubUser | None:
        """The person whose token this is; None for an unknown one. Raises Forbidden."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        name = await self._names.get(digest, lambda: self._name_for_token(token))
        return await self.user(name) if name is not None else None

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
        return cast(dict[str, Any], json.loads(answer.body)) if answer.code < 300 else None

    async def _name_for_token(self, token: str) -> str | None:
        found = await self.ask("GET", "user", token=token)
        if found is None:
            return None
        if found.get("kind") != "user":
            raise Forbidden("This token is a service's: use one of a person.")
        if self.place.access_scopes.isdisjoint(found["scopes"]):
            raise Forbidden("This token may not use Labdock: ask for one with access to services.")
        return cast(str, found["name"])

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


class Login:
    """Says who a request comes from, and leads a browser through the hub's login.

    With `guarded`, a browser's session counts for pages only; its scripts show that they come
    from one of these pages by `X-XSRFToken`, because people's own servers share the hub's origin.
    """

    def __init__(self, hub: Hub, *, guarded: bool) -> None:
        self.hub = hub
        self._guarded = guarded
        self._cookie = hub.place.client_id

    async def user(self, request: Request) -> HubUser:
        """The person who is asking. Raises Unauthorized or Forbidden."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        token = match[1] if match else self._session(request)
        user = await self.hub.user_for_token(token) if token else None
        if user is None:
            raise Unauthorized("Log in, or send a hub token: 'Authorization: token …'.")
        return user

    def xsrf(self, request: Request) -> str:
        """What the scripts of a page send back."""
        return self._signature(request.cookies.get(self._cookie, ""))

    def redirect(self, request: Request) -> Response:
        """Send a browser to the hub's login; it comes back to the page it asked for."""
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "client_id": self.hub.place.client_id,
            "redirect_uri": self.hub.place.callback,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        response = RedirectResponse(f"{self.hub.place.authorize}?{urlencode(query)}", 302)
        kept = json.dumps([verifier, _asked_for(request)]).encode()
        value = base64.urlsafe_b64encode(kept).decode()
        self._set_cookie(request, response, self._state_cookie(state), value, LOGIN_SECONDS)
        return response

    async def callback(self, request: Request) -> Response:
        """Finish a login that `redirect` began in this browser."""
        state, code = (request.query_params.get(name, "") for name in ("state", "code"))
        kept = request.cookies.get(self._state_cookie(state)) if state.isascii() else None
        if not kept or not code:
            raise Invalid(_FOREIGN_LOGIN)
        try:
            verifier, page = json.loads(base64.urlsafe_b64decode(kept))
        except ValueError:
            raise Invalid(
                "This login was not begun in this browser: open the page again."
            ) from None
        token = await self.hub.token_for_code(code, str(verifier))
        if token is None:
            raise Invalid("The hub did not accept this login: open the page again.")
        response = RedirectResponse(self._own_page(str(page)), 302)
        response.delete_cookie(self._state_cookie(state), path=self.hub.place.prefix)
        self._set_cookie(request, response, self._cookie, token, None)
        return response

    def _session(self, request: Request) -> str | None:
        """The token of the browser's session, where it counts for this request."""
        token = request.cookies.get(self._cookie)
        if not token or not re.fullmatch(r"[\x21-\x7e]{1,1000}", token):
            return None
        if self._guarded and _needs_xsrf(request):
            sent = request.headers.get("x-xsrftoken", "")
            if not hmac.compare_digest(sent.encode(), self._signature(token).encode()):
                raise Forbidden("This did not come from one of Labdock's pages: reload the page.")
        elif request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return token if _is_navigation(request) else None
        return token

    def _signature(self, token: str) -> str:
        key = self.hub.place.api_token.encode()
        return hmac.new(key, token.encode(), hashlib.sha256).hexdigest()

    def _state_cookie(self, state: str) -> str:
        return f"{self._cookie}-login-{hashlib.sha256(state.encode()).hexdigest()[:16]}"

    def _own_page(self, page: str) -> str:
        parts = urlsplit(page)
        own = not parts.scheme and not parts.netloc and parts.path.startswith(self.hub.place.prefix)
        return page if own and "\\" not in page else self.hub.place.prefix

    def _set_cookie(
        self, request: Request, response: Response, name: str, value: str, age: int | None
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=age,
            path=self.hub.place.prefix,
            httponly=True,
            samesite="lax",
            secure=self.hub.place.secure or _is_https(request),
        )


def _needs_xsrf(request: Request) -> bool:
    """As JupyterHub judges it: a page that is opened needs none, all else does."""
    if request.method not in _READING:
        return True
    return not _is_navigation(request)


def _is_navigation(request: Request) -> bool:
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return request.method in _READING and mode == "navigate"


def _is_https(request: Request) -> bool:
    forwarded = request.headers.get("x-forwarded-proto", "")
    return forwarded.split(",")[0].strip() == "https" or request.url.scheme == "https"


def _asked_for(request: Request) -> str:
    path = cast(bytes, request.scope["raw_path"]).decode("ascii", "replace")
    query = cast(bytes, request.scope["query_string"]).decode("ascii", "replace")
    page = f"{path}?{query}" if query else path
    return page if len(page) < 2000 else path[:2000]


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page, so that it can be led through the login."""
    return _is_navigation(request) and "text/html" in request.headers.get("accept", "")
