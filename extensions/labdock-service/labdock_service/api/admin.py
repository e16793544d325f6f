"""What admins see of the whole deployment, and may stop: everything, whoever it belongs to.

A GPU that a notebook server has is had back by stopping the server: what its kernels hold open
nobody sees from here, and a GPU has one holder.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from labdock.adminschema import Admission, Overview, RunningServer
from labdock.schema import Job, Person
from labdock.servingschema import Revision
from labdock_service.api.access import Caller, Id
from labdock_service.api.availability import environments_here, why_unavailable
from labdock_service.api.messages import message
from labdock_service.api.parts import Parts, PartsOf, Writing
from labdock_service.api.problems import describe
from labdock_service.api.service import node_views
from labdock_service.api.streams import STREAM, event_stream
from labdock_service.errors import Forbidden, NotFound
from labdock_service.findings import Policy
from labdock_service.hubclient import HubServer
from labdock_service.packaging.environments import PinnedEnvironment, find_named
from labdock_service.store import endpoints, jobs, leases, overview
from labdock_service.waiting import wait

LOOK_ANYWAY = 30.0
"""Seconds after which a page looks again: servers start and end without an event."""
PAUSE = 1.0
"""Seconds between two messages at least."""


async def check_admin(request: Request, parts: Parts, caller: Person) -> Person:
    """The caller, who is an admin. Raises Forbidden, for what runs in their notebooks too."""
    if not caller.admin:
        raise Forbidden("This is for admins of the hub: ask one of them.")
    if await parts.login.is_notebook(request):
        raise Forbidden("A notebook's token does not open this: use the admin page in a browser.")
    return caller


async def _admin(request: Request, parts: PartsOf, caller: Caller) -> Person:
    return await check_admin(request, parts, caller)


Admin = Annotated[Person, Depends(_admin)]
"""The admin who is asking."""

router = APIRouter(tags=["admin"], prefix="/admin", dependencies=[Depends(_admin)])


@router.get("/overview", responses=describe())
async def get_overview(parts: PartsOf) -> Overview:
    """Nodes, GPUs, the queue, what runs, disk and images."""
    return await look(parts)


@router.get("/changes", response_model=None, responses={**STREAM, **describe()})
async def follow_everything(request: Request, parts: PartsOf) -> Response:
    """A stream that says when to look at the overview again: `look` events without data."""
    return event_stream(parts, request, (), _follow(parts), admin=True)


@router.post("/jobs/{id}/stop", responses=describe(404))
def stop_any_job(id: Id, admin: Admin, session: Writing) -> Job:
    """Stop a job of any project; what it saved stays, and it can be retried."""
    row = jobs.find(session, id)
    if row is None:
        raise NotFound(f"There is no job '{id}'.", field="job")
    jobs.request_stop(session, row, admin.name)
    return jobs.view(session, row)


@router.post("/revisions/{id}/stop", responses=describe(404, 409))
def stop_any_revision(id: Id, admin: Admin, session: Writing) -> Revision:
    """Stop a revision of any project: the one before it goes on serving, else none does."""
    row = endpoints.find_revision(session, id)
    if row is None:
        raise NotFound(f"There is no revision '{id}'.", field="revision")
    endpoints.stop(session, row, admin.name)
    return endpoints.revision_view(row)


@router.post("/servers/{name}/stop", status_code=204, responses=describe(404))
async def stop_server(name: Id, parts: PartsOf) -> None:
    """Stop a person's server: its files stay, what its kernels hold in memory is lost."""
    if not await parts.login.hub.stop_server(name):
        raise NotFound(f"The hub knows no server of '{name}'.")


async def look(parts: Parts) -> Overview:
    """How everything is now."""
    servers = await parts.login.hub.servers()
    return await run_in_threadpool(_look, parts, servers)


def _look(parts: Parts, servers: list[HubServer]) -> Overview:
    found, nodes = environments_here(parts), parts.engine.nodes()
    default = find_named(found, parts.settings.default_environment)
    with parts.store.read() as session:
        return Overview(
            nodes=node_views(session, nodes),
            gpus=leases.gpus(session, nodes),
            queue=overview.queue(session),
            jobs=overview.running_jobs(session),
            servers=[_server(server, found, default) for server in servers],
            revisions=overview.running_revisions(session),
            disk=parts.disk.look(parts.state.root),
            environments=_admissions(parts, session, found),
        )


def _server(
    server: HubServer, found: list[PinnedEnvironment], default: PinnedEnvironment | None
) -> RunningServer:
    environment = find_named(found, server.environment) if server.environment else default
    return RunningServer(
        person=server.person,
        environment=environment.title if environment else server.environment,
        ready=server.ready,
        started=server.started,
        last_activity=server.last_activity,
    )


def _admissions(parts: Parts, session: Session, found: list[PinnedEnvironment]) -> list[Admission]:
    why = why_unavailable(parts, session, found)
    return [
        Admission(
            name=one.name,
            title=one.title,
            digest=one.digest,
            unavailable=why.get(one.digest),
            verifications=overview.verifications_of(session, one.images),
            scans=overview.scans_of(
                session, one.images, Policy.of(parts.settings.images), time.time()
            ),
        )
        for one in found
    ]


async def _follow(parts: Parts) -> AsyncIterator[bytes]:
    with parts.bulletin.following(None, None) as woken:
        while True:
            woken.clear()
            yield message("look", {})
            await asyncio.sleep(PAUSE)
            await wait(woken, LOOK_ANYWAY)
