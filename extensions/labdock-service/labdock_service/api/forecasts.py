"""What would become of a job that were submitted now."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query

from labdock.schema import Resources, StartForecast
from labdock_service.api.access import Caller
from labdock_service.api.admission import check_fits, nodes_here
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import PartsOf, Reading
from labdock_service.api.problems import describe
from labdock_service.scheduling.forecast import forecast
from labdock_service.scheduling.ledger import Need
from labdock_service.scheduling.queue import Ask
from labdock_service.store import active, asking, leases, notebooks

router = APIRouter(tags=["jobs"], route_class=StrictRoute)

ASKED = "this job"


@router.get("/start-forecast", responses=describe())
def get_start_forecast(
    parts: PartsOf,
    session: Reading,
    _caller: Caller,
    workers: Annotated[int, Query(ge=1, le=256)] = 1,
    cpus: Annotated[float, Query(ge=0, le=1024)] = 1.0,
    memory: Annotated[int, Query(ge=0, le=2**53)] = 0,
    gpus: Annotated[int, Query(ge=0, le=64)] = 0,
) -> StartForecast:
    """When a job of so many workers would start, each with this much, were it submitted now."""
    nodes = nodes_here(parts)
    check_fits(parts, nodes, workers, Resources(cpus=cpus, memory=memory, gpus=gpus))
    waiting = active.queue(session)
    queue = [asking.of_job(job) for job in waiting]
    queue += [asking.of_notebook(row) for row in notebooks.asking(session)]
    need = Need(cpus=cpus, memory=memory, gpus=gpus)
    ask = Ask(holder=ASKED, title=ASKED, since=time.time(), workers=workers, need=need)
    held = [leases.in_ledger(row) for row in leases.held(session)]
    found = forecast(nodes, held, queue, ask, active.ends(session))
    return StartForecast(seconds=found.seconds, message=found.message, before=len(waiting))
