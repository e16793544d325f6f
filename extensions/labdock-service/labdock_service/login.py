"""Who is asking: the hub's tokens for programs, a login through the hub for browsers.

JupyterHub's own `HubOAuth` is not used: it is made for Tornado's handlers, and importing it
takes 35 MB a process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection
from typing import cast
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from labdock_service.errors import Forbidden, Invalid, Unauthorized
from labdock_service.hubclient import ADMIN, Hub, HubUser
from labdock_service.rates import Rate, Remembered

LOGIN_SECONDS = 600
KNOWN_TOKENS = 10_000

_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+([\x21-\x7e]{1,1000})\s*", re.IGNORECASE)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_LOGIN = "This login was not begun in this browser: open the page again."


class Door:
    """Counts how often each person asks, and each address of those whom nobody knows.

    A token that was good is let in whatever else comes from its address.
    """

    def __init__(self, people: int, strangers: int, proxies: Collection[str] = ()) -> None:
        self._people = Rate(people)
        self._strangers = Rate(strangers)
        self._proxies = frozenset(proxies)
        self._good = Remembered(KNOWN_TOKENS)

    def let_in(self, request: Request, token: str | None) -> None:
        """Raises TooMany where this address was nobody's too often."""
        if token is None or _digest(token) not in self._good:
            told = "Too many requests came from your address of nobody whom the hub knows"
            self._strangers.check(told, self._address(request))

    def note(self, request: Request, token: str | None, user: HubUser | None) -> None:
        """Count a request. Raises TooMany where a person makes too many."""
        if user is not None and token is not None:
            self._good.add(_digest(token))
            self._people.check("You ask Labdock too often", user.name)
            self._people.count(user.name)
        elif address := self._address(request):  # a program on this machine has none
            self._strangers.count(address)

    def _address(self, request: Request) -> str:
        """Who the hub's proxy says came, behind the admin's own proxies; none else may say."""
        passed = request.headers.get("x-forwarded-for", "").split(",")
        hops = [hop.strip() for hop in reversed(passed)]
        return next((hop for hop in hops if hop not in self._proxies), "")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Login:
    """Says who a request comes from, and leads a browser through the hub's login.

    With `guarded`, a browser's session counts for pages only; its scripts show that they come
    from one of these pages by `X-XSRFToken`, because people's own servers share the hub's origin.
    """

    def __init__(self, hub: Hub, *, guarded: bool, door: Door | None = None) -> None:
        self.hub = hub
        self._guarded = guarded
        self._door = door
        self._cookie = hub.place.client_id

    async def user(self, request: Request) -> HubUser:
        """The person who is asking. Raises Unauthorized, Forbidden or TooMany."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        token = match[1] if match else self._session(request)
        if self._door:
            self._door.let_in(request, token)
        user = await self.hub.user_for_token(token) if token else None
        if self._door:
            self._door.note(request, token, user)
        if user is None:
            raise Unauthorized("Log in, or send a hub token: 'Authorization: token …'.")
        return user

    async def is_hub(self, request: Request) -> bool:
        """Whether the hub itself is asking: what its configuration or its spawner runs."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        return match is not None and await self.hub.service_for_token(match[1]) == ADMIN

    async def is_notebook(self, request: Request) -> bool:
        """Whether a person's server is asking: anything that runs there can read its token."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        return match is not None and await self.hub.is_servers(match[1])

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
        except (ValueError, TypeError, RecursionError):
            raise Invalid(_FOREIGN_LOGIN) from None
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
