"""What happened: the history, and the live view as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from labdock.schema import Event, Person
from labdock_service.api.access import Caller, ProjectName, find_job, seen_projects
from labdock_service.api.bodies import LARGEST_INTEGER
from labdock_service.api.messages import message
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.api.problems import describe
from labdock_service.api.streams import STREAM, event_stream
from labdock_service.errors import Invalid
from labdock_service.store import events
from labdock_service.waiting import wait

router = APIRouter(tags=["events"])

LOOK_ANYWAY = 30.0


@dataclass(frozen=True)
class _Asked:
    """Which events: of these projects, and of one job where one is named."""

    projects: frozenset[str]
    job: str | None
    progress: bool
    after: int
    limit: int


@router.get("/events", response_model=list[Event], responses={**STREAM, **describe(404)})
async def list_events(
    request: Request,
    caller: Caller,
    parts: PartsOf,
    project: ProjectName | None = None,
    job: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    progress: bool = True,
    follow: bool = False,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response | list[Event]:
    """Events with ids above `after`, oldest first. With `follow`, those to come as well.

    A stream goes on where `Last-Event-ID` says. Without `progress`, what jobs tell of their
    epochs and steps is left out.
    """
    found = await run_in_threadpool(_resolve, parts, caller, project, job)
    asked = _Asked(*found, progress, after, limit)
    if not follow:
        return await run_in_threadpool(_after, parts, asked)
    if last_event_id is not None:
        asked = replace(asked, after=event_number(last_event_id))
    return event_stream(parts, request, asked.projects, _follow(parts, asked))


def _resolve(
    parts: Parts, caller: Person, project: str | None, job: str | None
) -> tuple[frozenset[str], str | None]:
    if job is None:
        return frozenset(seen_projects(caller, project)), None
    with parts.store.read() as session:
        found = find_job(session, caller, job)
        return frozenset({found.project_id}), found.id


def event_number(last_event_id: str) -> int:
    """The number that a stream is to go on from. Raises Invalid."""
    if not last_event_id.isascii() or not last_event_id.isdigit():
        raise Invalid("'Last-Event-ID' must be an event's number.", field="Last-Event-ID")
    return min(int(last_event_id), LARGEST_INTEGER)


def _after(parts: Parts, asked: _Asked) -> list[Event]:
    with parts.store.read() as session:
        return events.after(
            session,
            asked.projects,
            asked.after,
            job=asked.job,
            progress=asked.progress,
            limit=asked.limit,
        )


async def _follow(parts: Parts, asked: _Asked) -> AsyncIterator[bytes]:
    with parts.bulletin.following(asked.projects, asked.job) as woken:
        while True:
            woken.clear()
            found = await run_in_threadpool(_after, parts, asked)
            for event in found:
                yield message(event.kind, event, event.id)
                asked = replace(asked, after=event.id)
            if len(found) < asked.limit:
                await wait(woken, LOOK_ANYWAY)
