"""GPUs: who has which, and those of people's notebook servers.

The hub says when a person's server starts and ends, and its person gives GPUs back meanwhile and
asks for them again. What is wanted is written here; the reconciler leases, in the queue's order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from labdock.gpuschema import Gpu, GpuRequest, NotebookLease, NotebookStart
from labdock_service import waiting
from labdock_service.api.access import Caller, FromAnybody, FromHub, Id
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import Parts, PartsOf, Reading, writing
from labdock_service.api.problems import describe
from labdock_service.errors import Invalid, NotFound
from labdock_service.scheduling.ledger import Need, limited
from labdock_service.scheduling.queue import never_fits
from labdock_service.store import leases, notebooks
from labdock_service.store.tables import NotebookRow

router = APIRouter(tags=["gpus"], route_class=StrictRoute)

LONGEST_WAIT = 60
DECISION_SECONDS = 10.0
"""How long the reconciler may take to say whether there is a GPU, beyond what anybody waits."""
LOOK_ANYWAY = 5.0
NO_GPUS = "No machine here has a GPU."

Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT)]


@router.get("/gpus", responses=describe(), dependencies=[FromAnybody])
def list_gpus(parts: PartsOf, session: Reading) -> list[Gpu]:
    """Every GPU there is, and every one that somebody holds."""
    return leases.gpus(session, parts.engine.nodes())


@router.put("/notebook-leases/{name}", responses=describe(404), dependencies=[FromHub])
async def start_notebook(
    name: Id, body: NotebookStart, parts: PartsOf, wait: Wait = 0
) -> NotebookLease:
    """Say that a person's server starts, and lease its GPUs; sent again, it asks how it stands.

    For the hub alone. With `wait`, the answer comes when they are leased, or after these seconds.
    """
    person = await _person_id(parts, name)
    await run_in_threadpool(_check_fits, parts, body.gpus)

    def note(session: Session) -> None:
        keeps, now = body.keeps_devices, time.time()
        notebooks.begin(session, person, body.start, body.gpus, keeps_devices=keeps, now=now)

    await _write(parts, note)
    return await _until_leased(parts, person, wait)


@router.delete(
    "/notebook-leases/{name}",
    status_code=204,
    responses=describe(404),
    dependencies=[FromHub],
)
async def end_notebook(
    name: Id, start: Annotated[str, Query(min_length=1, max_length=80)], parts: PartsOf
) -> None:
    """Say that this start of a person's server is over: its GPUs are free. For the hub alone."""
    person = await _person_id(parts, name)
    await _write(parts, lambda session: notebooks.end(session, person, start))


@router.get("/notebook-lease", responses=describe())
def get_notebook_lease(caller: Caller, parts: PartsOf) -> NotebookLease:
    """The GPUs of your notebook server."""
    lease = _look(parts, caller.id)
    if lease.state != "none" or lease.unavailable:
        return lease
    return replace(lease, unavailable=_why_none(parts))


@router.post("/notebook-lease/release", responses=describe(409))
async def release_gpus(caller: Caller, parts: PartsOf) -> NotebookLease:
    """Give back the GPUs of your notebook server, or wait for none any more.

    Nothing that runs there is ended: `labdock gpu release` looks to that.
    """
    await _write(parts, lambda session: notebooks.release(session, caller.id, time.time()))
    return await _until_leased(parts, caller.id, 0)


@router.post("/notebook-lease/acquire", responses=describe(409, 413))
async def acquire_gpus(
    body: GpuRequest, caller: Caller, parts: PartsOf, wait: Wait = 0
) -> NotebookLease:
    """Ask for GPUs for your notebook server, or ask again: who stops asking loses the place.

    With `wait`, the answer comes when they are leased, or after these seconds.
    """
    await run_in_threadpool(_check_fits, parts, body.gpus)
    await _write(
        parts, lambda session: notebooks.acquire(session, caller.id, body.gpus, time.time())
    )
    return await _until_leased(parts, caller.id, wait)


async def _person_id(parts: Parts, name: str) -> str:
    user = await parts.login.hub.user(name)
    if user is None:
        raise NotFound(f"The hub knows nobody called '{name[:100]}'.")
    return (await parts.people.person(user)).id


def _check_fits(parts: Parts, gpus: int) -> None:
    """Refuse what no machine of now has, though nobody held anything."""
    nodes = limited(parts.engine.nodes(), cpus=None, memory=None)
    if lacking := never_fits(Need(gpus=gpus), 1, nodes):
        raise Invalid(f"{lacking}: ask for less.", field="gpus")
    if gpus and (why := parts.engine.why_no_gpu()):
        raise Invalid(why, field="gpus")


async def _write(parts: Parts, note: Callable[[Session], NotebookRow | None]) -> None:
    async with asynccontextmanager(writing)(parts) as session:
        await run_in_threadpool(note, session)


async def _until_leased(parts: Parts, person_id: str, wait: float) -> NotebookLease:
    """How it stands once the GPUs are leased; else after the wait, with what they wait for."""
    clock = asyncio.get_running_loop().time
    until = clock() + wait
    with parts.wakeups.listening() as woken:
        while True:
            woken.clear()
            found = await run_in_threadpool(_look, parts, person_id)
            left = until - clock() + (0 if found.message else DECISION_SECONDS)
            if found.state != "waiting" or left <= 0 or parts.wakeups.closed:
                return found
            await waiting.wait(woken, min(left, LOOK_ANYWAY))


def _why_none(parts: Parts) -> str:
    if not any(node.devices for node in parts.engine.nodes()):
        return NO_GPUS
    return parts.engine.why_no_gpu() or ""


def _look(parts: Parts, person_id: str) -> NotebookLease:
    with parts.store.read() as session:
        row = session.get(NotebookRow, person_id)
        return notebooks.view(row, notebooks.leased(session, row) if row else [])
