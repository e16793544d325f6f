"""`python -m labdock_runtime`: one worker of a job, from its first event to its last."""

from __future__ import annotations

import os
import sys
import time

from labdock_runtime.failures import REFUSED
from labdock_runtime.hashing import start_with_hash_seed
from labdock_runtime.job import Job
from labdock_runtime.run import Run
from labdock_runtime.script import look_for_entry, run_script

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}


def main() -> int:
    """Run the entry that the environment names. Gives the exit code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    job = Job(os.environ)
    if not job.is_notebook:
        start_with_hash_seed(job)
    run = Run(job)
    run.started = time.time()
    run.events.emit("started")
    code = _run(run)
    run.events.emit("ended", exit=code)
    return code


def _run(run: Run) -> int:
    for word in run.job.unknown_words():
        run.events.warn(f"LABDOCK_DISABLE names {word}, which is nothing that can be switched off.")
    missing = look_for_entry(run)
    if missing:
        run.events.failed(missing, REFUSED)
        print(missing, file=sys.stderr)
        return REFUSED
    if run.job.is_notebook:
        from labdock_runtime.notebook import run_notebook

        return run_notebook(run)
    return run_script(run)


if __name__ == "__main__":
    sys.exit(main())
