"""The TensorBoard gate: `/services/tensorboard/PROJECT/…`, for members of the project only.

TensorBoard itself knows nobody: each project's runs by itself, sees that project's logs only,
and can be reached through here only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from labdock_service.boards.base import Board, BoardDriver, BoardSpec
from labdock_service.boards.boards import Boards
from labdock_service.boards.livepage import SCRIPT, send_script
from labdock_service.errors import NotFound, ServiceError, Unauthorized
from labdock_service.hubclient import Hub, HubPlace, HubUser
from labdock_service.ids import personal_project_id
from labdock_service.login import Login, wants_page
from labdock_service.processes import claim, die_with_parent
from labdock_service.statefolder import StateFolder
from labdock_service.web import Guard, serve

if TYPE_CHECKING:
    from labdock_service.engines.dockerd import Dockerd

IDLE_SECONDS = 1800.0
PAGE_PATIENCE = 0.5
"""Seconds that a browser's page waits for a TensorBoard before it shows that one is started."""

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'"
)
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="{scheme}">
{refresh}
<title>TensorBoard · {title}</title>
<style>
body {{ margin: 20vh auto 0; max-width: 32rem; padding: 0 1rem; font: 16px/1.5 system-ui; }}
</style>
</head>
<body><h1>{title}</h1><p>{text}</p></body>
</html>
"""


class Gate:
    """Lets members of a project through to its TensorBoard."""

    def __init__(self, hub: Hub, boards: Boards, framed_by: str = "") -> None:
        self._hub = hub
        self._framing = f"frame-ancestors 'self' {framed_by}".rstrip()
        self._login = Login(hub, guarded=False)
        self._boards = boards
        self._prefix = hub.place.prefix

    def app(self) -> ASGIApp:
        """The ASGI application."""
        routes = [
            Route(self._prefix, self._index),
            Route(f"{self._prefix}oauth_callback", self._login.callback),
            Route(f"{self._prefix}{SCRIPT}", send_script),
            Route(f"{self._prefix}{{path:path}}", self._show, methods=METHODS),
        ]
        handlers = {ServiceError: _refuse}
        app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)  # type: ignore[arg-type]
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Content-Security-Policy": f"{POLICY}; {self._framing}",
        }
        return Guard(app, headers)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self._boards.close()

    async def _index(self, request: Request) -> Response:
        """A person's own project is where they land."""
        user = await self._user(request)
        if isinstance(user, Response):
            return user
        return RedirectResponse(f"{self._prefix}{quote(user.name, safe='')}/", 302)

    async def _show(self, request: Request) -> Response:
        user = await self._user(request)
        if isinstance(user, Response):
            return user
        path = request.scope["raw_path"].decode("latin-1")
        segment, slash, _ = path.removeprefix(self._prefix).partition("/")
        project = unquote(segment)
        spec = BoardSpec(
            project_id=await self._project_id(user, project), path=f"{self._prefix}{segment}"
        )
        if not slash:
            return RedirectResponse(f"{path}/", 302)
        starting = self._boards.get(spec)
        if wants_page(request) and not await _soon(starting):
            again = f"{path}?{request.url.query}" if request.url.query else path
            dark = request.query_params.get("darkMode") == "true"
            return _page(project, "TensorBoard is starting …", again=again, dark=dark)
        from labdock_service.boards.passing import pass_on  # 10 MB, once somebody looks at curves

        answer = await pass_on(self._boards, spec, request, path, self._prefix)
        if "Content-Security-Policy" in answer.headers:  # TensorBoard's own lets anybody frame it
            answer.headers.append("Content-Security-Policy", self._framing)
        return answer

    async def _user(self, request: Request) -> HubUser | Response:
        """Who is asking, or the way to the login for a browser."""
        try:
            return await self._login.user(request)
        except Unauthorized:
            if wants_page(request):
                return self._login.redirect(request)
            raise

    async def _project_id(self, user: HubUser, project: str) -> str:
        """The id of the project, of those that the person is in."""
        if project == user.name:
            return personal_project_id(user.id)
        if project in user.groups:
            found = await self._hub.project_id(project)
            if found is not None:
                return found
            raise NotFound(f"Project {project} has no jobs yet, and so nothing to show.")
        raise NotFound(f"You are in no project '{project[:100]}'.")


async def _soon(starting: asyncio.Task[Board]) -> bool:
    done, _ = await asyncio.wait([starting], timeout=PAGE_PATIENCE)
    return bool(done)


async def _refuse(request: Request, error: ServiceError) -> Response:
    if wants_page(request):
        return _page("TensorBoard", str(error), status=error.status)
    body = {"error": error.code, "detail": str(error), "field": error.field}
    return JSONResponse(body, error.status)


def _page(
    title: str, text: str, *, again: str | None = None, status: int = 200, dark: bool = False
) -> Response:
    """A page of one sentence. It asks for the address `again`, which has no fragment.

    To its own address with one a browser would not go: it is there already. `dark` is for a frame
    in a dark page; by itself it is as the browser has it.
    """
    tag = f'<meta http-equiv="refresh" content="1;url={escape(again)}">' if again else ""
    scheme = "dark" if dark else "light dark"
    html = PAGE.format(title=escape(title), text=escape(text), refresh=tag, scheme=scheme)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def _open_driver(engine: str, state: StateFolder, reload_seconds: float) -> BoardDriver:
    """What starts TensorBoards; it is opened when somebody looks at curves, for its memory."""
    if engine == "process":
        from labdock_service.boards.process import ProcessBoards

        return ProcessBoards(state, reload_seconds)
    from labdock_service.boards.container import ContainerBoards

    return ContainerBoards(state, reload_seconds, _open_dockerd)


def _open_dockerd() -> Dockerd:
    from labdock_service.engines.opening import EngineChoice, open_dockerd
    from labdock_service.settings import load_settings

    settings = load_settings()
    return open_dockerd(EngineChoice.of(settings), settings.state)


def main() -> None:
    """Run until the hub ends it, or ends itself.

    What it needs of the settings comes as arguments: reading them itself takes 12 MB.
    """
    die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m labdock_service.tensorboard_gate")
    parser.add_argument("--state", type=Path, required=True, help="the state folder")
    parser.add_argument("--engine", required=True, help="what TensorBoards run on")
    parser.add_argument("--reload-seconds", type=float, required=True, help="between two looks")
    parser.add_argument("--framed-by", default="", help="origins of JupyterLab besides this one")
    options = parser.parse_args()
    state = StateFolder(options.state)
    claim(state, "tensorboard")
    open_driver = partial(_open_driver, options.engine, state, options.reload_seconds)
    boards = Boards(open_driver, idle_seconds=IDLE_SECONDS)
    gate = Gate(Hub(HubPlace.read()), boards, options.framed_by)
    serve(gate.app(), os.environ["JUPYTERHUB_SERVICE_URL"], lambda: None)


if __name__ == "__main__":
    main()
