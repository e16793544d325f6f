"""Ending what is left of a worker whose supervisor vanished."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import Any

from labdock_service import linux


def end_orphans(events: Path, status: dict[str, Any]) -> None:
    """Kill what is left of a worker without a supervisor.

    Its own process died with the supervisor. Its children are known by its session, and
    those in sessions of their own by the event file in their environment.
    """
    mark = b"LABDOCK_EVENTS=" + os.fsencode(events) + b"\0"
    session = status.get("pid") if status.get("boot") == linux.boot() else None
    for _ in range(100):
        everyone = linux.all_processes()
        leader = everyone.get(session) if session else None
        if leader is not None and leader.started != status.get("pid_started"):
            session = None
        orphans = [
            pid
            for pid, process in everyone.items()
            if not process.gone and (process.session == session or mark in _environment(pid))
        ]
        if not orphans:
            return
        for pid in orphans:
            _kill_and_wait(pid, everyone[pid].started)


def _kill_and_wait(pid: int, started: float) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        process = linux.stat(pid)
        if process is not None and process.started == started:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 1.0)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:
        return b""
