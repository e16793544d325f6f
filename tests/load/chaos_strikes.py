"""Taking parts of a deployment away, as a power cut or an out-of-memory killer would."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.load.chaos_plan import STARTS, Target
from tests.support.deployment import Deployment

from labdock_service import processes

RECORDS: dict[Target, str] = {"service": "labdock", "reconciler": "reconciler", "hub": "hub"}


@dataclass(kw_only=True)
class Struck:
    """What was taken away and when; `worker` is the id of the one whose process it was."""

    target: Target
    began: float
    ended: float
    how: Literal["lost", "killed"] = "killed"
    """What is said of a worker that it took."""
    worker: str | None = None
    up: float | None = None
    """When `up` had started all of it again, where that was needed."""


@dataclass
class Striker:
    """Carries out strikes and keeps a journal of them."""

    deployment: Deployment
    chance: random.Random
    journal: list[Struck] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Processes that were still there after `down`."""

    def strike(self, target: Target) -> bool:
        """Take it away, and start what nobody else would start; False where it is not there."""
        began = time.time()
        if target == "everything":
            self._kill_everything()
        elif target == "down":
            self.down()
        elif target in RECORDS:
            if not self._kill_recorded(RECORDS[target]):
                return False
        else:
            worker = self._kill_of_worker(target)
            if worker is not None:
                self._note(target, began, worker)
            return worker is not None
        struck = self._note(target, began)
        if target in STARTS:
            time.sleep(self.chance.uniform(0.0, 2.0))
            self.deployment.up()
            struck.up = time.time()
        return True

    def down(self) -> None:
        """`labdock down`, after which nothing is left."""
        self.deployment.down()
        self.left += self.deployment.processes().values()

    def left_containers(self) -> list[str]:
        """None, where workers are processes."""
        return []

    def _note(self, target: Target, began: float, worker: str | None = None) -> Struck:
        how = self._how(target)
        struck = Struck(target=target, began=began, ended=time.time(), how=how, worker=worker)
        self.journal.append(struck)
        return struck

    def _how(self, target: Target) -> Literal["lost", "killed"]:
        return "lost" if target in ("supervisor", "everything") else "killed"

    def _kill_recorded(self, name: str) -> bool:
        found = processes.recorded(self.deployment.state).get(name)
        return found is not None and _signal(found[0], found[1], signal.SIGKILL)

    def _kill_everything(self) -> None:
        """At once: nobody sees another one end."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            while pids := self.deployment.processes():
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                if number == signal.SIGSTOP and pids.keys() == self.deployment.processes().keys():
                    break

    def _kill_of_worker(self, target: Target) -> str | None:
        """A running worker's process, or its supervisor's; the chief is one of a gang if it can."""
        live = self._live()
        if target == "chief":
            chiefs = {name: status for name, status in live.items() if name.endswith("-0")}
            gangs = {n: s for n, s in chiefs.items() if f"{n[:-1]}1" in live}
            live = gangs or chiefs
        if not live:
            return None
        name = self.chance.choice(sorted(live))
        return name if self._kill_one(target, name, live[name]) else None

    def _kill_one(self, target: Target, name: str, status: dict[str, Any]) -> bool:
        del name
        if target == "supervisor":
            pid = int(status["supervisor"])
            started = processes.start_time(pid)
        else:
            pid, started = int(status["pid"]), status["pid_started"]
        return bool(started and _signal(pid, started, signal.SIGKILL))

    def _live(self) -> dict[str, dict[str, Any]]:
        found = {}
        for file in self.deployment.state.workers.glob("job-*/status.json"):
            with contextlib.suppress(ValueError, FileNotFoundError):
                status = json.loads(file.read_bytes())
                if status["state"] == "running":
                    found[file.parent.name] = status
        return found


def _signal(pid: int, started: float, number: signal.Signals) -> bool:
    """Whether this very process was there to be sent it."""
    if not processes.alive(pid, started):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
