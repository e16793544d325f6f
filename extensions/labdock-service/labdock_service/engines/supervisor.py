"""The small program beside each worker: it starts it, keeps its log and writes its end.

It outlives the service, and its worker cannot outlive it. The engine starts it with
`python -I -S` (see process.py) and hands it an order on its standard input, secrets
included, so that they are in no file and no argument. It imports little before the worker
runs, since a person waits for that.

It answers on its standard output: `supervisor PID`, then `pid PID` or `failed REASON`.
"""

# pathlib would take longer to import than all of this.
# ruff: noqa: PTH

from __future__ import annotations

import errno
import marshal
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from labdock_service import linux
from labdock_service.engines import processtree
from labdock_service.engines.criolog import LineWriter

STOP, KILL = b"s", b"k"
"""What is written into a worker's `control` pipe."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BLOCK = 256 * 1024
_CHECK_SECONDS = 1.0
_QUIET_SECONDS = 0.1
"""Least time between two wake-ups for events that the worker wrote."""
_UNKILLABLE_SECONDS = 10.0
_OOM_SCORE = "500"
"""Makes the kernel, when memory runs out, choose workers before Labdock's own processes."""


def main(folder: str, lock: int, control: int) -> None:
    """Leave the process that started this one, take its order, and see the worker through."""
    if os.fork():
        os._exit(0)
    for descriptor in (lock, control):
        os.set_inheritable(descriptor, False)
    linux.adopt_orphans()
    _answer(f"supervisor {os.getpid()}")
    try:
        order = marshal.loads(_read_all(0))
    except (EOFError, ValueError, TypeError):
        return
    os.chdir(folder)
    Supervisor(order, lock, control).run()


class Supervisor:
    """One worker, from its start to its end. The current folder is the worker's."""

    def __init__(self, order: dict[str, Any], lock: int, control: int) -> None:
        self._order = order
        self._lock = lock
        self._control = control
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], object]] = {}
        self._log = Log()
        self._status: dict[str, Any] = {"supervisor": os.getpid(), "boot": linux.boot()}
        self._pid = 0
        self._exit_code: int | None = None
        self._reason: str | None = None
        self._killed = False
        self._kill_at: float | None = None
        self._check_at = time.monotonic() + _CHECK_SECONDS
        self._quiet_until = 0.0
        self._events_changed = False

    def run(self) -> None:
        """Start the worker, serve it until it ends, end what it left, say how it ended."""
        self._watch_signals()
        self._watch_events()
        ooms = processtree.out_of_memory_kills()
        if not self._start():
            return
        self._watch(self._control, self._obey)
        while self._exit_code is None:
            self._serve_once()
        self._end_the_rest()
        self._log.finish()
        killed_by_another = self._exit_code == -signal.SIGKILL and not self._killed
        if killed_by_another and processtree.out_of_memory_kills() > ooms:
            self._reason = "out of memory: the machine had none left"
        self._end(self._exit_code)

    # Starting

    def _start(self) -> bool:
        with open("status.json", "w") as file:
            file.write('{"state": "starting"}')
        outputs = [self._log.open(stream) for stream in ("stdout", "stderr")]
        report_read, report_write = os.pipe()
        supervisor = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _become_worker(self._order, outputs, report_write, supervisor)
        for descriptor in (*outputs, report_write):
            os.close(descriptor)
        started = time.time()
        failure = _read_all(report_read)
        os.close(report_read)
        if failure:
            os.waitpid(self._pid, 0)
            self._fail(os.strerror(int(failure)))
            return False
        process = linux.stat(self._pid)
        assert process is not None, "a child that was not waited for is there"
        self._status |= {"pid": self._pid, "pid_started": process.started, "started": started}
        _answer(f"pid {self._pid}")
        _detach()
        self._say("running")
        for stream, descriptor in self._log.sources.items():
            self._watch(descriptor, partial(self._log.copy, stream))
        return True

    def _fail(self, why: str) -> None:
        self._reason = f"its program cannot be started: {why}"
        self._end(None)
        _answer(f"failed {why}")

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
            self._kill(f"{self._reason}; it was killed after {self._order['grace']:g} seconds")
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
            self._stop("stopped: its supervisor was told to end")
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
        used = processtree.memory(processtree.descendants(os.getpid()))
        if used > limit:
            self._kill(
                f"out of memory: it used {_mebibytes(used)} and its limit is {_mebibytes(limit)}"
            )

    # Ending

    def _stop(self, reason: str) -> None:
        if self._exit_code is None and self._kill_at is None and not self._killed:
            self._reason = reason
            self._kill_at = time.monotonic() + self._order["grace"]
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
        given_up = time.monotonic() + _UNKILLABLE_SECONDS
        while self._reap() and time.monotonic() < given_up:
            processtree.kill_all(processtree.descendants(os.getpid()))
            ready = select.select([self._signals], [], [], _CHECK_SECONDS)[0]
            if ready:
                os.read(self._signals, 4096)

    def _end(self, exit_code: int | None) -> None:
        self._status |= {"ended": time.time(), "exit_code": exit_code, "reason": self._reason}
        while not self._say("ended"):
            time.sleep(_CHECK_SECONDS)

    # Telling

    def _say(self, state: str) -> bool:
        """Write the status and wake the reconciler; False where the disk is full."""
        from pathlib import Path  # slow to import, so after the worker's start

        from labdock_service.engines import statusfile

        self._status["state"] = state
        try:
            statusfile.write(Path(), self._status)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return False
        if state == "ended":
            os.close(self._lock)
        self._wake()
        return True

    def _wake(self) -> None:
        from pathlib import Path

        from labdock_service.wakeup import wake

        if self._order["wake"]:
            wake(Path(self._order["wake"]))


class Log:
    """The worker's output, from its pipes to the file `log`."""

    def __init__(self) -> None:
        self._file = os.open("log", os.O_WRONLY | os.O_APPEND)
        self._writers: dict[str, LineWriter] = {}
        self.sources: dict[str, int] = {}
        self._lost = 0
        self._ended: list[int] = []

    def open(self, stream: str) -> int:
        """A pipe for this stream: returns the end to write into."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        self.sources[stream] = read
        self._writers[stream] = LineWriter(stream)
        return write

    def copy(self, stream: str) -> bool:
        """Copy what waits in the pipe, at most a block; False where nothing does."""
        try:
            output = os.read(self.sources[stream], _BLOCK)
        except BlockingIOError:
            return False
        if not output:
            self._ended.append(self.sources[stream])
        self._append(self._writers[stream].feed(output, time.time_ns()))
        return bool(output)

    def ended(self) -> list[int]:
        """Pipes that reached their end since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def finish(self) -> None:
        """Copy what is left, and have the log on the disk."""
        for stream, writer in self._writers.items():
            while self.copy(stream):
                pass
            self._append(writer.finish(time.time_ns()))
        with suppress(OSError):
            os.fsync(self._file)

    def _append(self, lines: bytes) -> None:
        """A full disk loses output, which the log says later; the worker goes on."""
        if self._lost:
            note = b"labdock: the disk was full, and %d bytes of output were lost\n" % self._lost
            if self._write(b"\n" + LineWriter("stderr").feed(note, time.time_ns())):
                self._lost += len(lines)
                return
            self._lost = 0
        self._lost += self._write(lines)

    def _write(self, lines: bytes) -> int:
        """How many bytes there was no space for."""
        left = memoryview(lines)
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                break
        return len(left)


def _become_worker(
    order: dict[str, Any], outputs: list[int], report: int, supervisor: int
) -> NoReturn:
    """In the child: a session of its own, its limits, and its program."""
    try:
        os.setsid()
        linux.signal_when_parent_ends(signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if order["cpus"]:
            os.sched_setaffinity(0, order["cpus"])
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(_OOM_SCORE)
        os.chdir(order["work"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
        os.execvpe(order["argv"][0], order["argv"], order["environment"])
    except OSError as error:
        os.write(report, str(error.errno).encode())
    finally:
        os._exit(127)


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


def _read_all(descriptor: int) -> bytes:
    blocks = []
    while block := os.read(descriptor, 65536):
        blocks.append(block)
    return b"".join(blocks)


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
