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


def out_of_memory_kills() -> int:
    """How often this machine's kernel has ended a process for want of memory."""
    with open("/proc/vmstat") as file:
        for line in file:
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0


def _sizes(pid: int) -> dict[str, int]:
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            lines = (line.split() for line in file if line.startswith("Rss"))
            return {fields[0].rstrip(":"): int(fields[1]) for fields in lines}
    except (FileNotFoundError, ProcessLookupError):
        return {}
