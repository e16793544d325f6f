"""From the supervisor to its worker: a fork, a session, limits, and the worker's program.

Of the supervisor's imports: small, standard library only.
"""

from __future__ import annotations

import os
import signal

from labdock_service import linux

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes as long as the rest
    from typing import Any, NoReturn

# pathlib would take longer to import than all of this.
# ruff: noqa: PTH123

_OOM_SCORE = "500"
"""Makes the kernel, when memory runs out, choose workers before Labdock's own processes."""


def fork_worker(order: dict[str, Any], outputs: list[int]) -> int:
    """Start the worker and return its process id; its `outputs` are closed here.

    Raises OSError where its program cannot be run.
    """
    supervisor = os.getpid()
    report_read, report_write = os.pipe()
    pid = os.fork()
    if not pid:
        _become_worker(order, outputs, report_write, supervisor)
    for descriptor in (*outputs, report_write):
        os.close(descriptor)
    failure = read_all(report_read)
    os.close(report_read)
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)))
    return pid


def read_all(descriptor: int) -> bytes:
    """Everything until the other side closes."""
    blocks = []
    while block := os.read(descriptor, 65536):
        blocks.append(block)
    return b"".join(blocks)


def _become_worker(
    order: dict[str, Any], outputs: list[int], report: int, supervisor: int
) -> NoReturn:
    try:
        os.setsid()
        linux.signal_when_parent_ends(signal.SIGKILL)
        if os.getppid() == supervisor:
            _prepare(order, outputs)
            os.execvpe(order["argv"][0], order["argv"], order["environment"])
    except OSError as error:
        os.write(report, str(error.errno).encode())
    finally:
        os._exit(127)


def _prepare(order: dict[str, Any], outputs: list[int]) -> None:
    """What a program inherits: signals as usual, and its CPUs."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if order["cpus"]:
        os.sched_setaffinity(0, order["cpus"])
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(_OOM_SCORE)
    os.chdir(order["work"])
    for descriptor, source in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
        os.dup2(source, descriptor)
