"""The notebook's kernel: an ipykernel with the runtime's hooks set before the first cell."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import warnings
from typing import Any

from labdock_runtime import hparams
from labdock_runtime.failures import RETRY, EndOfNotebook, judge
from labdock_runtime.job import Job
from labdock_runtime.run import Run
from labdock_runtime.setup import finish, prepare

PR_SET_PDEATHSIG = 1
FLUSH_SECONDS = 0.05
PIP_NOTE = "The job's image holds the packages of %pip lines already."

_runs: list[Run] = []


def main() -> None:
    """Start a kernel, say that it is ready, and serve it until it is ended."""
    connection, ready = sys.argv[1], int(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    run = Run(Job(os.environ), in_kernel=True)
    run.started = time.time()
    _runs.append(run)
    application = _application(connection)
    prepare(run)
    _adapt(application.shell)
    os.write(ready, b"1")
    os.close(ready)
    application.start()


def finish_run() -> None:
    """What the process that runs the cells asks for after the last one."""
    finish(_runs[0])
    hparams.end(_runs[0], succeeded=True)


def _note_failure(result: Any) -> None:
    """After a cell that failed none is run any more."""
    run, error = _runs[0], result.error_before_exec or result.error_in_exec
    if error is None or isinstance(error, EndOfNotebook) or run.stopping:
        return
    _, code = judge(type(error).__name__, str(error), gang=run.job.workers > 1)
    if code != RETRY:
        hparams.end(run, succeeded=False)


def _application(connection: str) -> Any:
    import logging

    from ipykernel.kernelapp import (  # type: ignore[import-not-found,unused-ignore]
        IPKernelApp,
    )
    from traitlets.config import Config

    quiet = Config()
    quiet.HistoryManager.enabled = False
    application = IPKernelApp.instance(config=quiet, log_level=logging.CRITICAL)
    application.initialize(["-f", connection])
    for stream in (sys.stdout, sys.stderr):
        stream.flush_interval = FLUSH_SECONDS  # type: ignore[union-attr]
    return application


def _adapt(shell: Any) -> None:
    """Let the notebook end itself without a traceback, and %pip lines do nothing."""
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")  # what follows sys.exit
    shell.set_custom_exc((EndOfNotebook,), _show_nothing)
    shell.events.register("post_run_cell", _note_failure)
    shell.register_magic_function(_say_installed, "line", "pip")
    shell.register_magic_function(_say_installed, "line", "conda")
    shell.input_transformers_cleanup.append(_pip_as_magic)


def _show_nothing(*arguments: Any, **options: Any) -> None:
    del arguments, options


def _say_installed(line: str) -> None:
    del line
    print(PIP_NOTE)


def _pip_as_magic(lines: list[str]) -> list[str]:
    starts = ("!pip install", "!pip3 install", "!python -m pip install")
    return ["%pip install\n" if x.lstrip().startswith(starts) else x for x in lines]
