"""Ports of this machine that no two gangs get at once."""

from __future__ import annotations

import fcntl
import json
import random
import socket
import time
from pathlib import Path

from labdock_service.errors import EngineFailed
from labdock_service.jsonfile import write_json

HOST = "127.0.0.1"
RESERVED_SECONDS = 120.0
"""How long a port is kept for who asked; by then it listens there."""

_FIRST = 10_000
_LAST = 65_535


def reserve(record: Path, count: int) -> list[str]:
    """Addresses that are free now, noted in `record` so that nobody else gets them."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        now = time.time()
        latest = now + RESERVED_SECONDS  # what ends later is of before the clock was set back
        reserved = {port: end for port, end in _read(record).items() if now < end <= latest}
        ports = _choose(count, reserved)
        reserved |= {str(port): latest for port in ports}
        write_json(record, reserved)
    return [f"{HOST}:{port}" for port in ports]


def _choose(count: int, reserved: dict[str, float]) -> list[int]:
    """Ports below those that the kernel gives to outgoing connections."""
    candidates = [port for port in _candidates() if str(port) not in reserved]
    random.shuffle(candidates)
    free: list[int] = []
    while len(free) < count:
        if not candidates:
            raise EngineFailed("This machine has no free ports left; stop a job and try again.")
        port = candidates.pop()
        if _is_free(port):
            free.append(port)
    return free


def _candidates() -> list[int]:
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    low, high = (int(number) for number in text.split())
    return [port for port in range(_FIRST, _LAST + 1) if not low <= port <= high]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _read(record: Path) -> dict[str, float]:
    try:
        reserved: dict[str, float] = json.loads(record.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return reserved
