"""Logs: a worker's output over all attempts of its job or revision, as it is written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from labdock.schema import ENDED, LogLine, Person
from labdock_service.api.access import Caller, Id, find_job, find_revision
from labdock_service.api.messages import message
from labdock_service.api.parts import Parts, PartsOf
from labdock_service.api.problems import describe
from labdock_service.api.streams import STREAM, event_stream
from labdock_service.errors import Invalid, NotFound
from labdock_service.store import endpoints, jobs, workers
from labdock_service.waiting import wait

router = APIRouter(tags=["jobs"])

LOOK_ANYWAY = 5.0
_CURSOR = re.compile(r"(\d{1,9}):([\d-]{1,60})")
_NUMBER = re.compile(r"\d{1,18}(-\d{1,18}){0,2}")


@dataclass
class _Place:
    """How far a log was read: an attempt, and the engine's own cursor in it."""

    attempt: int
    cursor: str | None = None


@dataclass(frozen=True)
class _Part:
    """One attempt's worker, whose output is a part of the log."""

    worker: str
    attempt: int
    ended: bool


@router.get(
    "/jobs/{id}/logs", response_class=StreamingResponse, responses={**STREAM, **describe(404)}
)
async def read_log(
    request: Request,
    id: Id,
    caller: Caller,
    parts: PartsOf,
    rank: Annotated[int, Query(ge=0, le=255)] = 0,
    attempt: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
    follow: bool = False,
) -> StreamingResponse:
    """A worker's log: `line` events, then `end`. `after` is the cursor of the last line read.

    Without `attempt` it goes through all of them. With `follow`, it ends with the job.
    """
    project = await run_in_threadpool(_project, parts, caller, id)
    place = _read_cursor(after) if after else _Place(attempt or 0)
    log = _Log(parts, project, id, partial(_of_job, id, rank, attempt), rank)
    return event_stream(parts, request, {project}, log.messages(place, follow))


@router.get(
    "/revisions/{id}/logs", response_class=StreamingResponse, responses={**STREAM, **describe(404)}
)
async def read_server_log(
    request: Request,
    id: Id,
    caller: Caller,
    parts: PartsOf,
    after: Annotated[str | None, Query(max_length=100)] = None,
    follow: bool = False,
) -> StreamingResponse:
    """The log of a revision's model servers, as a job's; their number is the `attempt`.

    With `follow`, it ends when the revision is retired.
    """
    project = await run_in_threadpool(_project_of_revision, parts, caller, id)
    place = _read_cursor(after) if after else _Place(0)
    log = _Log(parts, project, None, partial(_of_revision, id))
    return event_stream(parts, request, {project}, log.messages(place, follow))


def _project(parts: Parts, caller: Person, job_id: str) -> str:
    with parts.store.read() as session:
        return find_job(session, caller, job_id).project_id


def _project_of_revision(parts: Parts, caller: Person, revision_id: str) -> str:
    with parts.store.read() as session:
        return find_revision(session, caller, revision_id).endpoint.project_id


def _of_job(
    job_id: str, rank: int, attempt: int | None, session: Session
) -> tuple[bool, list[_Part]]:
    """Whether nothing will follow, and the parts that there are of one rank of a job."""
    job = jobs.find(session, job_id)
    over = job is None or job.state in ENDED
    found = [
        _Part(row.id, row.attempt, row.state == "ended")
        for row in jobs.workers(session, [job_id])
        if row.rank == rank
    ]
    if attempt is None:
        return over, found
    found = [part for part in found if part.attempt == attempt]
    return over or any(part.ended for part in found), found


def _of_revision(revision_id: str, session: Session) -> tuple[bool, list[_Part]]:
    """The same of a revision's model servers."""
    revision = endpoints.find_revision(session, revision_id)
    over = revision is None or revision.state in ("failed", "retired")
    rows = workers.of_revisions(session, revision_id)
    return over, [_Part(row.id, row.attempt, row.state == "ended") for row in rows]


def _read_cursor(text: str) -> _Place:
    match = _CURSOR.fullmatch(text)
    if match is None or not _NUMBER.fullmatch(match[2]):
        raise Invalid(
            "That cursor is of no log: leave it out to read from the start.", field="after"
        )
    return _Place(int(match[1]), match[2])


@dataclass(frozen=True)
class _Log:
    """A log of several parts, which `look` finds; a change of `job`, or of any, wakes it up."""

    parts: Parts
    project: str
    job: str | None
    look: Callable[[Session], tuple[bool, list[_Part]]]
    rank: int = 0

    async def messages(self, place: _Place, follow: bool) -> AsyncIterator[bytes]:
        """Its lines from a place on."""
        with self.parts.bulletin.following({self.project}, self.job) as woken:
            while True:
                woken.clear()
                over, found = await run_in_threadpool(self._look)
                for part in found:
                    if part.attempt >= place.attempt:
                        async for line in self._read(part, place, follow):
                            yield line
                if over or not follow:
                    yield message("end", {})
                    return
                await wait(woken, LOOK_ANYWAY)

    def _look(self) -> tuple[bool, list[_Part]]:
        with self.parts.store.read() as session:
            return self.look(session)

    async def _read(self, part: _Part, place: _Place, follow: bool) -> AsyncIterator[bytes]:
        """The lines of one attempt; `place` moves along."""
        after = place.cursor if part.attempt == place.attempt else None
        try:
            async for record in self.parts.engine.log(part.worker, after=after, follow=follow):
                place.attempt, place.cursor = part.attempt, record.cursor
                line = LogLine(
                    time=record.time,
                    stream=record.stream,
                    text=record.text,
                    attempt=part.attempt,
                    rank=self.rank,
                    cursor=f"{part.attempt}:{record.cursor}",
                )
                yield message("line", line)
        except NotFound:
            await asyncio.sleep(0)  # not started yet, or its log was removed
