"""What this machine has, and which of its CPUs a worker gets."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def count_cpus() -> float:
    """CPUs that this process may use: by its affinity, and by its cgroup's quota."""
    return min(float(len(os.sched_getaffinity(0))), _cpu_quota(_own_cgroup()))


def count_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its cgroup's limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(min(machine, _memory_limit(_own_cgroup())))


def choose_cpus(
    available: Iterable[int], taken: Iterable[Iterable[int]], wanted: float
) -> list[int]:
    """The CPUs that a worker is bound to: those with the fewest workers on them.

    Empty means all: where it wants none of its own, or as many as there are. A part of a CPU
    counts as a whole one.
    """
    available = sorted(available)
    count = math.ceil(wanted)
    if not 0 < count < len(available):
        return []
    load = Counter(cpu for cpus in taken for cpu in cpus)
    return sorted(sorted(available, key=lambda cpu: load[cpu])[:count])


def _own_cgroup() -> Path:
    """This process's folder in cgroup v2's tree; its root where it is in none."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return _CGROUPS / line.removeprefix("0::").lstrip("/")
    return _CGROUPS


def _cpu_quota(folder: Path) -> float:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() else math.inf


def _memory_limit(folder: Path) -> float:
    limit = _read(folder / "memory.max")
    return int(limit) if limit.isdigit() else math.inf


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
