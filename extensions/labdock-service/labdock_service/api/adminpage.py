"""The page of admins: everything that runs, waits and takes room, as it changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from labdock.adminschema import Verification
from labdock_service.api.admin import check_admin, look
from labdock_service.api.pages import HEADERS, render, visitor
from labdock_service.api.parts import Parts, PartsOf

router = APIRouter()

STEP = 100
"""Rows of a table that are drawn, and that are shown in addition when one asks for more."""
Count = Annotated[int, Query(ge=1, le=100_000)]


@dataclass(frozen=True)
class Rows:
    """How many rows of each table are drawn."""

    nodes: Count = STEP
    gpus: Count = STEP
    queue: Count = STEP
    jobs: Count = STEP
    servers: Count = STEP
    revisions: Count = STEP


@dataclass
class Verdict:
    """What `verify` found in an environment's images, alike on several nodes."""

    passed: bool
    failed: list[str]
    time: float
    """Of the newest of them."""
    nodes: list[str] = field(default_factory=list)


@router.get("/admin")
async def show_admin(request: Request, parts: PartsOf) -> Response:
    """The page; a browser that is not logged in is led through the hub's login."""
    person = await visitor(request, parts)
    if isinstance(person, Response):
        return person
    await check_admin(request, parts, person)
    xsrf = parts.login.xsrf(request)
    return HTMLResponse(await _render("admin.html", parts, Rows(), xsrf), headers=HEADERS)


@router.get("/admin/live")
async def show_admin_live(
    request: Request, parts: PartsOf, rows: Annotated[Rows, Depends()]
) -> Response:
    """The part of the page that changes, for its script."""
    person = await parts.people.person(await parts.login.user(request))
    await check_admin(request, parts, person)
    return HTMLResponse(await _render("adminlive.html", parts, rows))


async def _render(template: str, parts: Parts, rows: Rows, xsrf: str = "") -> str:
    shown = await look(parts)
    given = {"shown": shown, "rows": rows, "step": STEP, "verdicts": verdicts, "xsrf": xsrf}
    return await run_in_threadpool(render, template, parts, **given)


def verdicts(verifications: Iterable[Verification]) -> list[Verdict]:
    """What was found, each once with all the nodes where it was; the newest first."""
    found: dict[tuple[bool, tuple[str, ...]], Verdict] = {}
    for one in verifications:
        same = (one.passed, tuple(one.failed))
        verdict = found.setdefault(same, Verdict(one.passed, one.failed, one.time))
        verdict.time = max(verdict.time, one.time)
        if one.node not in verdict.nodes:
            verdict.nodes.append(one.node)
    return list(found.values())
