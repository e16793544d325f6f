"""One chaos run: a deployment of its own, people at work, and strikes at random moments."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.load.chaos_desk import AT_ONCE, Desk
from tests.load.chaos_docker import DockerStriker
from tests.load.chaos_plan import Plan, Strike
from tests.load.chaos_strikes import Striker
from tests.support.deployment import Deployment
from tests.support.imagedeployment import ImageDeployment

from labdock.client import Client
from labdock.connection import Connection

LULL_SECONDS = 15.0
"""A strike waits no longer than this for jobs to end."""

NOBODY_SECONDS = 5.0
"""How long a strike at a worker waits for one."""

JOB_SECONDS = 12.0
"""What a job may take on average, before the run is given up."""

START_SECONDS = 120.0


BEAT_SECONDS = 0.2


class Pulse:
    """Asks the service again and again, and notes when it answers."""

    def __init__(self, client: Client) -> None:
        self.beats: list[tuple[float, float]] = []
        """When a question was asked, and when it was answered."""
        self._address = client.connection.api
        self._headers = {"Authorization": f"token {client.connection.token}"}
        self._stopped = threading.Event()
        threading.Thread(target=self._ask, daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()

    def _ask(self) -> None:
        with httpx.Client(headers=self._headers, timeout=2) as http:
            while not self._stopped.wait(BEAT_SECONDS):
                asked = time.time()
                with contextlib.suppress(httpx.HTTPError):
                    if http.get(self._address).is_success:
                        self.beats.append((asked, time.time()))


@dataclass(frozen=True)
class Ran:
    """A run that is over, with the deployment as it was left: up, and nothing to do."""

    plan: Plan
    desk: Desk
    pulse: Pulse
    striker: Striker
    began: float
    ended: float


def run(plan: Plan, deployment: Deployment, folder: Path) -> Ran:
    """Carry out a plan on a deployment that runs."""
    token = deployment.labdock("token", "admin").stdout.strip()
    client = Client(Connection(deployment.url, token))
    desk, pulse = Desk(client, plan.tasks, folder / "projects"), Pulse(client)
    striker = _striker(deployment, random.Random(plan.seed))
    began = time.time()
    thread = desk.start()
    for number, strike in enumerate(plan.strikes, 1):
        _await(desk, strike)
        _carry_out(striker, strike)
        desk.allowed = AT_ONCE + len(plan.tasks) * number / len(plan.strikes)
    thread.join(START_SECONDS + JOB_SECONDS * len(plan.tasks))
    desk.close()
    pulse.stop()
    return Ran(plan, desk, pulse, striker, began, time.time())


def _striker(deployment: Deployment, chance: random.Random) -> Striker:
    if isinstance(deployment, ImageDeployment):
        return DockerStriker(deployment, chance)
    return Striker(deployment, chance)


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
