"""The page of admins: everything that runs, waits and takes room, as it changes."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from labdock import wording
from labdock.adminschema import Overview
from labdock_service.api.admin import check_admin, look
from labdock_service.api.pages import FOLDER, HEADERS
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.errors import Unauthorized
from labdock_service.login import wants_page

if TYPE_CHECKING:
    from jinja2 import Environment

router = APIRouter()


@router.get("/admin")
async def show_admin(request: Request, parts: PartsOf) -> Response:
    """The page; a browser that is not logged in is led through the hub's login."""
    try:
        user = await parts.login.user(request)
    except Unauthorized:
        if wants_page(request):
            return parts.login.redirect(request)
        raise
    check_admin(await parts.people.person(user))
    shown = await look(parts)
    html = await run_in_threadpool(_render, "admin.html", parts, shown, parts.login.xsrf(request))
    return HTMLResponse(html, headers=HEADERS)


@router.get("/admin/live")
async def show_admin_live(request: Request, parts: PartsOf) -> Response:
    """The part of the page that changes, for its script."""
    check_admin(await parts.people.person(await parts.login.user(request)))
    shown = await look(parts)
    return HTMLResponse(await run_in_threadpool(_render, "adminlive.html", parts, shown, ""))


def _render(template: str, parts: Parts, shown: Overview, xsrf: str) -> str:
    prefix = parts.login.hub.place.prefix
    hub = prefix.removesuffix("services/labdock/")
    page = _templates().get_template(template)
    return page.render(shown=shown, prefix=prefix, hub=hub, xsrf=xsrf, now=time.time())


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
    return templates
