"""What changes in a person's projects, as a stream that one page shows live."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from labdock.servingschema import Changes
from labdock_service.api.access import Caller, seen_projects
from labdock_service.api.bodies import LARGEST_INTEGER
from labdock_service.api.events import event_number
from labdock_service.api.parts import PartsOf
from labdock_service.api.problems import describe
from labdock_service.api.streams import STREAM, event_stream

router = APIRouter(tags=["events"])


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
        return await run_in_threadpool(parts.editions.look, projects, after)
    if last_event_id is not None:
        after = event_number(last_event_id)
    return event_stream(parts, request, projects, parts.editions.follow(projects, after))
