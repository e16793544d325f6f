"""One chaos run: a deployment of its own, people at work, and strikes at random moments."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.load.chaos_desk import AT_ONCE, Desk
from tests.load.chaos_plan import Plan, Strike
from tests.load.chaos_strikes import Striker
from tests.support.deployment import Deployment

from labdock.client import Client
from labdock.connection import Connection

LULL_SECONDS = 15.0
"""A strike waits no longer than this for jobs to end."""

NOBODY_SECONDS = 5.0
"""How long a strike at a worker waits for one."""

JOB_SECONDS = 12.0
"""What a job may take on average, before the run is given up."""

START_SECONDS = 120.0


@dataclass(frozen=True)
class Ran:
    """A run that is over, with the deployment as it was left: up, and nothing to do."""

    plan: Plan
    desk: Desk
    striker: Striker
    began: float
    ended: float


def run(plan: Plan, deployment: Deployment, folder: Path) -> Ran:
    """Carry out a plan on a deployment that runs."""
    token = deployment.labdock("token", "admin").stdout.strip()
    client = Client(Connection(deployment.url, token))
    desk = Desk(client, plan.tasks, folder / "projects")
    striker = Striker(deployment, random.Random(plan.seed))
    began = time.time()
    thread = desk.start()
    for number, strike in enumerate(plan.strikes, 1):
        _await(desk, strike)
        _carry_out(striker, strike)
        desk.allowed = AT_ONCE + len(plan.tasks) * number / len(plan.strikes)
    thread.join(START_SECONDS + JOB_SECONDS * len(plan.tasks))
    desk.close()
    return Ran(plan, desk, striker, began, time.time())


def _await(desk: Desk, strike: Strike) -> None:
    deadline = time.monotonic() + LULL_SECONDS
    while desk.ended < strike.after and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(strike.moment)


def _carry_out(striker: Striker, strike: Strike) -> None:
    deadline = time.monotonic() + NOBODY_SECONDS
    while not striker.strike(strike.target) and time.monotonic() < deadline:
        time.sleep(0.1)
    print(f"  {time.strftime('%H:%M:%S')} {strike.target}", flush=True)
