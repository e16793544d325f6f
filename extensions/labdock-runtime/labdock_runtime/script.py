"""Runs a script as Python would."""

from __future__ import annotations

import sys
from pathlib import Path

from labdock_runtime import failures
from labdock_runtime.run import Run
from labdock_runtime.setup import finish, prepare


def run_script(run: Run) -> int:
    """Run the entry as `__main__`. Gives the worker's exit code."""
    import runpy

    path = Path(run.job.folder, run.job.entry)
    sys.argv = [run.job.entry, *run.job.arguments]
    sys.path[0] = str(path.parent)
    prepare(run)
    try:
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        except failures.EndOfNotebook:
            pass
        finish(run)
    except BaseException as error:
        return _ended_by(run, error)
    return failures.OK


def _ended_by(run: Run, error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return _tell(run, _exit_reason(error), None, failures.FAILED)
    gang = run.job.workers > 1
    reason, code = failures.judge(type(error).__name__, str(error), gang=gang)
    if code == failures.REFUSED:
        return _tell(run, reason, None, code)
    return _tell(run, reason, failures.traceback_of(error, failures.places()), code)


def _exit_reason(end: SystemExit) -> str:
    if isinstance(end.code, int):
        return f"The script ended with exit code {end.code}."
    return failures.in_one_line("SystemExit", str(end.code))


def _tell(run: Run, reason: str, traceback: str | None, code: int) -> int:
    run.events.failed(reason, code, traceback=traceback)
    print((traceback or reason).rstrip(), file=sys.stderr, flush=True)
    if run.job.workers > 1:
        run.leave(code)
    return code


def look_for_entry(run: Run) -> str | None:
    """A sentence where the entry is not there."""
    if Path(run.job.folder, run.job.entry).is_file():
        return None
    return f"There is no {run.job.entry} in this job's source."
