"""The processes below one: which they are, what memory they take, and their end.

Of the supervisor's imports: small, standard library only.
"""

# pathlib would take longer to import than all of this.
# ruff: noqa: PTH123

import os
import signal

from labdock_service import linux

OVER_LIMIT = "out of memory: it used "
"""How the reason begins of a worker that was ended for going over its own limit."""

TOLD_TO_END = "stopped: its supervisor was told to end"
"""How the reason begins of one whose machine, or Docker, was about to end or to start again."""

_CONTAINERS_KILLS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where the kernel counts for a container, by version 2 and 1 of control groups."""


def descendants(root: int) -> list[int]:
    """Every process below `root`, children before their own children."""
    children: dict[int, list[int]] = {}
    for pid, process in linux.all_processes().items():
        if not process.gone:
            children.setdefault(process.parent, []).append(pid)
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def kill_all(pids: list[int]) -> None:
    """SIGKILL to each; who has ended is passed over."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def memory(pids: list[int]) -> int:
    """Bytes that these processes hold: each one's own, and once what they may share."""
    own, shared = 0, 0
    for pid in pids:
        sizes = _sizes(pid)
        own += sizes.get("RssAnon", 0)
        shared = max(shared, sizes.get("RssShmem", 0))
    return (own + shared) * 1024


def out_of_memory_kills(*, walled: bool) -> int:
    """How often the kernel has ended a process for want of memory: here, or in this container."""
    for place in _CONTAINERS_KILLS if walled else ("/proc/vmstat",):
        try:
            with open(place) as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
        except FileNotFoundError:
            continue
    return 0


def _sizes(pid: int) -> dict[str, int]:
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            lines = (line.split() for line in file if line.startswith("Rss"))
            return {fields[0].rstrip(":"): int(fields[1]) for fields in lines}
    except (FileNotFoundError, ProcessLookupError):
        return {}
