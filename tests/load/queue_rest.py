"""What Labdock's processes do while nobody asks for anything, and what memory they hold."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Series
from tests.bench.starting import family, idle_memory
from tests.support.deployment import Deployment

SETTLE = 10.0
SECONDS = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rest:
    """Wake-ups a second of each process, and what part of a CPU the reconciler took."""

    deployment: Deployment
    wakeups: list[Series]

    def memory(self) -> list[Series]:
        """Megabytes of each process, now."""
        shares = idle_memory(self.deployment).items()
        return [Series(name, "MB", (value,)) for name, value in shares]


def resting(deployment: Deployment) -> Rest:
    """Look on for a while at what nobody disturbs."""
    pids = {name: deployment.pid(name) for name in idle_memory(deployment)}
    pids["the supervisor of a job"] = _supervisor(deployment)
    time.sleep(SETTLE)
    before = {name: switches(pid) for name, pid in pids.items()}
    cpu = seconds(pids["reconciler"])
    time.sleep(SECONDS)
    rates = {name: woken(before[name], switches(pid)) / SECONDS for name, pid in pids.items()}
    wakeups = [Series(name, "wake-ups/s", (rate,)) for name, rate in rates.items()]
    share = (seconds(pids["reconciler"]) - cpu) / SECONDS * 100
    return Rest(deployment, [*wakeups, Series("reconciler", "% of a CPU", (share,))])


def switches(pid: int) -> dict[str, int]:
    """How often each thread of a process and its descendants has gone to sleep so far."""
    threads = (
        thread for member in family(pid) for thread in Path(f"/proc/{member}/task").iterdir()
    )
    return {thread.name: _sleeps(thread / "status") for thread in threads}


def woken(before: dict[str, int], after: dict[str, int]) -> int:
    """How often those that are there went to sleep between two looks."""
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def _sleeps(status: Path) -> int:
    lines = status.read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("voluntary_ctxt_switches"))
    return int(line.split()[1])


def seconds(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _supervisor(deployment: Deployment) -> int:
    status = next(deployment.state.workers.glob("*/status.json"))
    return int(json.loads(status.read_text())["supervisor"])
