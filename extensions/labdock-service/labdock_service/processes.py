"""Labdock's own processes: one of a name at a time, known by process id and start time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from labdock_service import linux
from labdock_service.jsonfile import write_json
from labdock_service.statefolder import StateFolder

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL for a process of Labdock's own."""


def start_time(pid: int) -> float | None:
    """When a process started, in seconds since the machine did; None where there is none.

    With the process id it names a process: ids are used again, but not at the same time.
    """
    process = linux.stat(pid)
    return None if process is None else process.started


def alive(pid: int, started: float) -> bool:
    """Whether this very process still runs (a zombie does not)."""
    process = linux.stat(pid)
    return process is not None and process.started == started and not process.gone


def own_id() -> str:
    """Names this process, on this machine, as no other is ever named."""
    pid = os.getpid()
    return f"{linux.boot()}/{pid}/{start_time(pid)}"


def lives(process_id: str) -> bool:
    """Whether the process of an `own_id` still runs."""
    boot, pid, started = process_id.split("/")
    return boot == linux.boot() and alive(int(pid), float(started))


def end_process(pid: int, started: float, grace: float = GRACE) -> None:
    """End a process: SIGTERM, and SIGKILL after the grace. Another one of its id is left alone."""
    with _handle(pid, started) as handle:
        if handle is None:
            return
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, GRACE)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if _wait(handle, patience):
                return


def die_with_parent() -> None:
    """Get a SIGTERM when the process that started this one ends, however it ends."""
    parent = os.getppid()
    linux.signal_when_parent_ends(signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def claim(state: StateFolder, name: str) -> None:
    """Be the one process of this name: an older one is ended, and this one recorded."""
    record = state.run / f"{name}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    with _locked(state.run / f"{name}.lock"):
        older = _read_record(record)
        if older is not None and older[0] != os.getpid():
            end_process(*older)
        _write_record(record, os.getpid())


def record(state: StateFolder, name: str, pid: int) -> None:
    """Record a process that this one has started."""
    state.run.mkdir(parents=True, exist_ok=True)
    with _locked(state.run / f"{name}.lock"):
        _write_record(state.run / f"{name}.json", pid)


def recorded(state: StateFolder) -> dict[str, tuple[int, float]]:
    """The process id and start time of every recorded process that still runs, by its name."""
    found = {file.stem: _read_record(file) for file in sorted(state.run.glob("*.json"))}
    return {name: process for name, process in found.items() if process and alive(*process)}


def _read_record(record: Path) -> tuple[int, float] | None:
    try:
        older = json.loads(record.read_bytes())
        same_boot = older["boot"] == linux.boot()
        return (int(older["pid"]), float(older["started"])) if same_boot else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write_record(record: Path, pid: int) -> None:
    write_json(record, {"pid": pid, "started": start_time(pid), "boot": linux.boot()})


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _handle(pid: int, started: float) -> Iterator[int | None]:
    """A descriptor of this very process, which no other can take the place of."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if alive(pid, started) else None
    finally:
        os.close(handle)


def _wait(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
