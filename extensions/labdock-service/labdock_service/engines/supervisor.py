"""The small program beside each worker: it starts it, keeps its log and writes its end.

It outlives the service, and its worker cannot outlive it. The engine starts it with
`python -I -S` (see launch.py) and hands it an order on its standard input, secrets
included, so that they are in no file and no argument. It imports little before the worker
runs, since a person waits for that.

It answers on its standard output: `supervisor PID`, then `pid PID` or `failed REASON`.
"""

# pathlib would take longer to import than all of this.
# ruff: noqa: PTH123

from __future__ import annotations

import marshal
import os
import select
import signal
import time
from contextlib import suppress
from functools import partial

from labdock_service import linux
from labdock_service.engines import processtree
from labdock_service.engines.forkworker import fork_worker, read_all
from labdock_service.engines.outputlog import DISK_FAULTS, OutputLog

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes as long as the rest
    from collections.abc import Callable
    from typing import Any

STOP, KILL = b"s", b"k"
"""What is written into a worker's `control` pipe."""

_CHECK_SECONDS = 1.0
_QUIET_SECONDS = 0.1
"""Least time between two wake-ups for events that the worker wrote."""
_PARTING_SECONDS = 0.5
_UNKILLABLE_SECONDS = 10.0
_DOCKERS_SECONDS = 7.0
"""What a worker has to end when its container is told to: after 10 seconds Docker kills both."""


def main(folder: str, lock: int, control: int) -> None:
    """Leave the process that started this one, take its order, and see the worker through.

    The lock is held by being open, until the end of this process.
    """
    if os.fork():
        os._exit(0)
    for descriptor in (lock, control):
        os.set_inheritable(descriptor, False)
    linux.adopt_orphans()
    linux.leave_no_core_dump()
    _answer(f"supervisor {os.getpid()}")
    try:
        order = marshal.loads(read_all(0))
    except (EOFError, ValueError, TypeError):
        return
    os.chdir(folder)
    Supervisor(order, control).run()
    _clear("tmp")


def attend(folder: str) -> None:
    """Be the first process of a container, which ends with the worker, and see it through.

    Of an engine that ended meanwhile there comes no order.
    """
    os.chdir(folder)
    control = os.open("control", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    lock = os.open("lock", os.O_RDWR | os.O_CLOEXEC)
    linux.leave_no_core_dump()
    _answer(f"supervisor {os.getpid()}")
    try:
        order = marshal.loads(read_all(0))
    except (EOFError, ValueError, TypeError):
        return
    linux.lock_file(lock, wait=True)
    order["environment"] = {**os.environ, **order["environment"]}
    Supervisor(order, control).run()
    _clear("tmp")


class Supervisor:
    """One worker, from its start to its end. The current folder is the worker's."""

    def __init__(self, order: dict[str, Any], control: int) -> None:
        self._order = order
        self._control = control
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], object]] = {}
        self._log = OutputLog(order["masked"])
        self._status: dict[str, Any] = {"supervisor": os.getpid(), "boot": linux.boot()}
        self._pid = 0
        self._began = time.monotonic()
        self._exit_code: int | None = None
        self._reason: str | None = None
        self._killed = False
        self._grace = 0.0
        self._kill_at: float | None = None
        self._check_at = time.monotonic() + _CHECK_SECONDS
        self._quiet_until = 0.0
        self._events_changed = False
        self._memory_kills = 0

    def run(self) -> None:
        """Start the worker, serve it until it ends, end what it left, say how it ended."""
        self._watch_signals()
        self._watch_events()
        self._memory_kills = self._count_memory_kills()
        if not self._start():
            return
        self._watch(self._control, self._obey)
        while self._exit_code is None:
            self._serve_once()
        self._end_the_rest()
        self._log.finish()
        if self._exit_code == -signal.SIGKILL and not self._killed:  # so by another
            self._reason = self._out_of_memory() if self._went_short() else None
        self._end(self._exit_code)

    # Starting

    def _start(self) -> bool:
        try:
            with open("status.json", "w") as file:
                file.write('{"state": "starting"}')
        except OSError as error:  # nothing has begun, and it can be started again
            _answer(f"failed {error.strerror}")
            return False
        if self._order["copied"]:
            self._copy_code()
        outputs = [self._log.open(stream) for stream in ("stdout", "stderr")]
        started, self._began = time.time(), time.monotonic()
        try:
            self._pid = fork_worker(self._order, outputs)
        except OSError as error:
            self._reason = f"its program cannot be started: {error.strerror}"
            self._end(None, f"failed {error.strerror}")
            return False
        process = linux.stat(self._pid)
        assert process is not None, "a child that was not waited for is there"
        self._status |= {"pid": self._pid, "pid_started": process.started, "started": started}
        self._say("running")
        _answer(f"pid {self._pid}")
        _detach()
        for stream, descriptor in self._log.sources.items():
            self._watch(descriptor, partial(self._log.copy, stream))
        return True

    def _copy_code(self) -> None:
        from pathlib import Path  # slow to import; who needs it does not start in milliseconds

        from labdock_service.engines.foldercopy import copy_folder

        copy_folder(Path(self._order["copied"]), Path(self._order["work"]))

    # Serving

    def _watch(self, descriptor: int, handler: Callable[[], object]) -> None:
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    def _watch_signals(self) -> None:
        self._signals, write = os.pipe()
        for descriptor in (self._signals, write):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(write)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._watch(self._signals, self._take_signals)

    def _watch_events(self) -> None:
        """Wake the reconciler for new events at once; without inotify its own timer does."""
        try:
            descriptor = linux.inotify_open()
            linux.inotify_add(descriptor, "events.jsonl", linux.IN_MODIFY)
        except OSError:
            return
        self._events = descriptor
        self._watch(descriptor, self._take_events)

    def _serve_once(self) -> None:
        for descriptor, _ in self._poll.poll(self._patience()):
            self._handlers[descriptor]()
        for descriptor in self._log.ended():
            self._poll.unregister(descriptor)
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill(f"{self._reason}; it was killed after {self._grace:g} seconds")
        if self._order["memory"] and now >= self._check_at:
            self._check_at = now + _CHECK_SECONDS
            self._check_memory()
        if self._events_changed and now >= self._quiet_until:
            self._events_changed = False
            self._quiet_until = now + _QUIET_SECONDS
            self._wake()

    def _patience(self) -> float | None:
        """Milliseconds until something is due; None where nothing is."""
        due = [self._kill_at] if self._kill_at is not None else []
        due += [self._check_at] if self._order["memory"] else []
        due += [self._quiet_until] if self._events_changed else []
        return max(0.0, min(due) - time.monotonic()) * 1000 + 1 if due else None

    def _take_signals(self) -> None:
        numbers = os.read(self._signals, 4096)
        if numbers.strip(bytes([signal.SIGCHLD])):
            self._stop(processtree.TOLD_TO_END)
        self._reap()

    def _take_events(self) -> None:
        os.read(self._events, 65536)
        self._events_changed = True

    def _obey(self) -> None:
        wishes = os.read(self._control, 4096)
        if KILL in wishes:
            self._kill("killed on request")
        elif STOP in wishes:
            self._stop("stopped on request")

    def _check_memory(self) -> None:
        limit = self._order["memory"]
        if self._order["walled"] and self._went_short():
            self._kill(self._out_of_memory())
            return
        used = processtree.memory(processtree.descendants(os.getpid()))
        if used > limit:
            sizes = f"{_mebibytes(used)} and its limit is {_mebibytes(limit)}"
            self._kill(f"{processtree.OVER_LIMIT}{sizes}")

    def _count_memory_kills(self) -> int:
        return processtree.out_of_memory_kills(walled=self._order["walled"])

    def _went_short(self) -> bool:
        """Whether the kernel ended anything for want of memory since the worker's start."""
        return self._count_memory_kills() > self._memory_kills

    def _out_of_memory(self) -> str:
        if not self._order["walled"] or not self._order["memory"]:
            return "out of memory: the machine had none left"
        limit = _mebibytes(self._order["memory"])
        return f"{processtree.OVER_LIMIT}{limit} and its limit is {limit}"

    # Ending

    def _stop(self, reason: str) -> None:
        if self._exit_code is None and self._kill_at is None and not self._killed:
            self._reason, self._grace = reason, self._order["grace"]
            if self._order["walled"] and reason == processtree.TOLD_TO_END:
                self._grace = min(self._grace, _DOCKERS_SECONDS)
            self._kill_at = time.monotonic() + self._grace
            os.kill(self._pid, signal.SIGTERM)

    def _kill(self, reason: str) -> None:
        self._reason, self._kill_at, self._killed = reason, None, True
        processtree.kill_all(processtree.descendants(os.getpid()))

    def _reap(self) -> bool:
        """Take the exit status of whoever ended; False once there is no child left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == self._pid:
                self._exit_code = os.waitstatus_to_exitcode(status)
            if not pid:
                return True

    def _end_the_rest(self) -> None:
        """Kill what the worker left behind, until none is there."""
        if self._reason is None:
            self._tell_of_the_rest()
        given_up = time.monotonic() + _UNKILLABLE_SECONDS
        while self._reap() and time.monotonic() < given_up:
            processtree.kill_all(processtree.descendants(os.getpid()))
            ready = select.select([self._signals], [], [], _CHECK_SECONDS)[0]
            if ready:
                os.read(self._signals, 4096)

    def _tell_of_the_rest(self) -> None:
        """Who was left behind by a worker that ended by itself has a moment to do so too."""
        patience = time.monotonic() + _PARTING_SECONDS
        while self._reap() and (left := patience - time.monotonic()) > 0:
            if select.select([self._signals], [], [], left)[0]:
                os.read(self._signals, 4096)
        rest = len(processtree.descendants(os.getpid()))
        if rest:
            whom, verb = ("a process", "is") if rest == 1 else (f"{rest} processes", "are")
            self._log.note(f"{whom} that this worker left running {verb} ended with it.")

    def _end(self, exit_code: int | None, answer: str = "") -> None:
        """Say how it ended; who waits for an answer may delete the container when it comes."""
        took = time.monotonic() - self._began  # the clock may have been set meanwhile
        ended = self._status.get("started", time.time()) + took
        self._status |= {"ended": ended, "exit_code": exit_code, "reason": self._reason}
        said = self._say("ended")
        if answer:
            _answer(answer)
        while not said:
            time.sleep(_CHECK_SECONDS)
            self._log.sync()
            said = self._say("ended")

    # Telling

    def _say(self, state: str) -> bool:
        """Write the status and wake the reconciler; False where the disk does not take it."""
        from pathlib import Path  # slow to import, so after the worker's start

        from labdock_service.engines import statusfile

        self._status["state"] = state
        try:
            write = statusfile.overwrite if self._order["walled"] else statusfile.write
            write(Path(), self._status)
        except OSError as error:
            if error.errno not in DISK_FAULTS:
                raise
            return False
        self._wake()
        return True

    def _wake(self) -> None:
        from pathlib import Path

        from labdock_service.wakeup import wake

        if self._order["wake"]:
            with suppress(OSError):
                wake(Path(self._order["wake"]))


def _answer(line: str) -> None:
    """Tell the engine; it may be gone."""
    try:
        os.write(1, line.encode() + b"\n")
    except BrokenPipeError:
        return


def _detach() -> None:
    """Let go of the engine's pipes, which ends its waiting."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)


def _clear(folder: str) -> None:
    """Delete what is of no use once the worker has ended."""
    import shutil  # slow to import, so after the worker's start

    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        return  # too deep for here: the engine deletes it with the rest


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
