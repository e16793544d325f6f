"""What changes in a person's projects, as a stream that one page shows live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from labdock.servingschema import Changes
from labdock_service.api.access import Caller, seen_projects
from labdock_service.api.bodies import LARGEST_INTEGER
from labdock_service.api.events import event_number
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.api.problems import describe
from labdock_service.api.streams import STREAM, event_stream, message
from labdock_service.store import endpoints, events, jobs
from labdock_service.waiting import wait

router = APIRouter(tags=["events"])

LOOK_ANYWAY = 30.0
PAUSE = 0.5
"""Seconds between two messages: what changes ten times meanwhile is sent once."""
MOST_EVENTS = 2000
"""Who missed more than these is told to read everything again."""


@router.get("/changes", response_model=Changes, responses={**STREAM, **describe()})
async def list_changes(
    request: Request,
    caller: Caller,
    parts: PartsOf,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER)] = None,
    follow: bool = False,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response | Changes:
    """Jobs and endpoints that have changed after an event, as they are now.

    Without `after`, none, but the number to go on from. With `follow`, a stream of `changes`
    events: the first says where it begins, or goes on where `Last-Event-ID` says.
    """
    projects = frozenset(seen_projects(caller, None))
    if not follow:
        return await run_in_threadpool(_changes, parts, projects, after)
    if last_event_id is not None:
        after = event_number(last_event_id)
    return event_stream(parts, request, projects, _follow(parts, projects, after))


def _changes(parts: Parts, projects: Collection[str], after: int | None) -> Changes:
    with parts.store.read() as session:
        last = events.last(session)
        if after is None or after > last:
            return Changes(at=last, everything=True)
        found = events.subjects(session, projects, after, MOST_EVENTS + 1)
        if len(found) > MOST_EVENTS:
            return Changes(at=last, everything=True)
        return _told(session, found, after)


def _told(session: Session, found: list[tuple[int, str | None, str | None]], after: int) -> Changes:
    there, deleted = endpoints.with_ids(session, {endpoint for _, _, endpoint in found if endpoint})
    return Changes(
        at=found[-1][0] if found else after,
        jobs=jobs.with_ids(session, {job for _, job, _ in found if job}),
        endpoints=there,
        deleted_endpoints=deleted,
    )


async def _follow(
    parts: Parts, projects: Collection[str], after: int | None
) -> AsyncIterator[bytes]:
    with parts.bulletin.following(projects, None) as woken:
        while True:
            woken.clear()
            found = await run_in_threadpool(_changes, parts, projects, after)
            if after != found.at:
                yield message("changes", found, found.at)
                after = found.at
            await asyncio.sleep(PAUSE)
            await wait(woken, LOOK_ANYWAY)
