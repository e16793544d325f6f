"""What a run leaves behind, in the state folder and among the machine's processes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from tests.load.chaos_desk import Desk
from tests.load.chaos_plan import Task
from tests.load.chaos_strikes import Striker
from tests.support.boards import curve_route
from tests.support.deployment import Deployment, eventually

from labdock.client import Client
from labdock.errors import LabdockError

WORKERS = ("labdock_runtime", "engines.supervisor")
"""What the commands of workers and their supervisors have in them."""

NOTHING = {
    "leases": "SELECT holder_id FROM leases",
    "workers that have not ended": "SELECT id FROM workers WHERE state != 'ended'",
    "rows that refer to nothing": "PRAGMA foreign_key_check",
}
"""What there must be none of once all jobs have ended."""


def audit_remains(deployment: Deployment, striker: Striker) -> Iterator[str]:
    """Nothing runs, nothing is held, nothing is without a record; then, that `down` leaves none."""
    with contextlib.suppress(AssertionError):
        eventually(lambda: not list(_workers(deployment)), seconds=30)
    yield from (f"a process is left: {command}" for command in _workers(deployment))
    yield from _database(deployment)
    yield from _witnesses(deployment)
    striker.down()
    yield from (f"`down` left a process: {command}" for command in striker.left)
    yield from (f"`down` left a container: {name}" for name in striker.left_containers())
    with contextlib.closing(sqlite3.connect(deployment.database)) as database:
        (said,) = database.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            yield f"the database is broken: {said}"


def _workers(deployment: Deployment) -> Iterator[str]:
    for command in deployment.processes().values():
        if any(word in command for word in WORKERS):
            yield command


def _database(deployment: Deployment) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(deployment.database)) as database:
        for what, query in NOTHING.items():
            if found := database.execute(query).fetchall():
                yield f"there are {what}: {found[:5]}"
        known = {name for (name,) in database.execute("SELECT id FROM workers")}
    folders = {folder.name for folder in deployment.state.workers.glob("[a-z]*")}
    yield from (f"worker {name} has no record" for name in sorted(folders - known))


def _witnesses(deployment: Deployment) -> Iterator[str]:
    """What the workers themselves noted: each began once, and never two of a rank at a time."""
    for folder in deployment.state.root.glob("downloads/*/keras/chaos/j*"):
        began = (folder / "began").read_text().splitlines()
        if len(began) != len(set(began)):
            yield f"job {folder.name} ran a worker twice: {began}"
        for twice in folder.glob("twice-*"):
            yield f"job {folder.name} ran in two attempts at once: {twice.name}"


def audit_curves(client: Client, desk: Desk) -> Iterator[str]:
    """TensorBoard has each epoch of the jobs that trained once, as their owner sees it."""
    for task in desk.tasks:
        job = desk.jobs.get(task.name)
        if task.script == "fit.py" and job and job.state == "succeeded":
            steps = _points(client, task, job.id)
            if steps != list(range(task.epochs)):
                yield f"{task.name}: TensorBoard has the epochs {steps}"


def _points(client: Client, task: Task, job_id: str) -> list[int]:
    """The epochs that have a point, as soon as the last one has."""
    route = curve_route(f"{task.name}-{job_id}/train").replace("tag=loss", "tag=epoch_loss")
    address = f"{client.connection.hub}/services/tensorboard/{client.person}/{route}"
    found: list[int] = []

    def look() -> bool:
        with contextlib.suppress(LabdockError):
            points = client.transport.request("GET", address, list[tuple[float, int, float]])
            found[:] = [step for _, step, _ in points]
        return task.epochs - 1 in found

    with contextlib.suppress(AssertionError):
        eventually(look, seconds=60)
    return found
