"""The page at the service's address: a person's jobs and endpoints, as they change."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from labdock import wording
from labdock.schema import ENDED, Job, Person
from labdock.servingschema import Endpoint
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.errors import NotFound, Unauthorized
from labdock_service.login import wants_page
from labdock_service.store import endpoints, events, jobs

if TYPE_CHECKING:
    from jinja2 import Environment

router = APIRouter()

FOLDER = Path(__file__).parent / "templates"
STATIC = {
    "live.js": "text/javascript",
    "style.css": "text/css",
    "patch.js": "text/javascript",
    "admin.js": "text/javascript",
    "admin.css": "text/css",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
MOST_JOBS = 30


@dataclass(frozen=True)
class _Shown:
    """What the page shows, and the last event that it knows of."""

    person: Person
    jobs: list[Job]
    endpoints: list[Endpoint]
    last: int


@router.get("/")
async def show_page(request: Request, parts: PartsOf) -> Response:
    """The page; a browser that is not logged in is led through the hub's login."""
    person = await visitor(request, parts)
    if isinstance(person, Response):
        return person
    shown = await run_in_threadpool(_look, parts, person)
    xsrf = parts.login.xsrf(request)
    html = await run_in_threadpool(render, "page.html", parts, shown=shown, xsrf=xsrf)
    return HTMLResponse(html, headers=HEADERS)


@router.get("/live")
async def show_live(request: Request, parts: PartsOf) -> Response:
    """The part of the page that changes, for its script."""
    person = await parts.people.person(await parts.login.user(request))
    shown = await run_in_threadpool(_look, parts, person)
    return HTMLResponse(await run_in_threadpool(render, "live.html", parts, shown=shown))


@router.get("/oauth_callback")
async def finish_login(request: Request, parts: PartsOf) -> Response:
    """Where the hub sends a browser back to after its login."""
    return await parts.login.callback(request)


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """The pages' scripts and styles."""
    if name not in STATIC:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(FOLDER / name, media_type=STATIC[name], headers=headers)


def _look(parts: Parts, person: Person) -> _Shown:
    owned = [project.id for project in person.projects]
    with parts.store.read() as session:
        return _Shown(
            person=person,
            last=events.last(session),
            jobs=jobs.listed(session, owned, limit=MOST_JOBS),
            endpoints=endpoints.listed(session, owned),
        )


async def visitor(request: Request, parts: Parts) -> Person | Response:
    """Who opens a page; for a browser that is not logged in the way through the hub's login."""
    try:
        user = await parts.login.user(request)
    except Unauthorized:
        if wants_page(request):
            return parts.login.redirect(request)
        raise
    return await parts.people.person(user)


def render(template: str, parts: Parts, **given: object) -> str:
    """A page, or the part of one that changes."""
    prefix = parts.login.hub.place.prefix
    hub = prefix.removesuffix("services/labdock/")
    page = _templates().get_template(template)
    return page.render(prefix=prefix, hub=hub, now=time.time(), **given)


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader  # only here: no page, no memory for it

    templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True)
    templates.filters |= {
        "duration": wording.duration,
        "size": wording.size,
        "number": lambda value: f"{value:g}",
        "day": lambda seconds: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)),
    }
    templates.globals["share"] = wording.share
    templates.globals["ended"] = ENDED
    return templates
