"""The page of admins: everything that runs, waits and takes room, as it changes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from labdock_service.api.admin import check_admin, look
from labdock_service.api.pages import HEADERS, render, visitor
from labdock_service.api.parts import PartsOf

router = APIRouter()


@router.get("/admin")
async def show_admin(request: Request, parts: PartsOf) -> Response:
    """The page; a browser that is not logged in is led through the hub's login."""
    person = await visitor(request, parts)
    if isinstance(person, Response):
        return person
    await check_admin(request, parts, person)
    xsrf = parts.login.xsrf(request)
    shown = await look(parts)
    html = await run_in_threadpool(render, "admin.html", parts, shown=shown, xsrf=xsrf)
    return HTMLResponse(html, headers=HEADERS)


@router.get("/admin/live")
async def show_admin_live(request: Request, parts: PartsOf) -> Response:
    """The part of the page that changes, for its script."""
    person = await parts.people.person(await parts.login.user(request))
    await check_admin(request, parts, person)
    shown = await look(parts)
    return HTMLResponse(await run_in_threadpool(render, "adminlive.html", parts, shown=shown))
