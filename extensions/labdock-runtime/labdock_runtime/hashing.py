"""The order of strings in a set, the same everywhere: Python takes it from how it is started."""

from __future__ import annotations

import os
import sys
import zlib

from labdock_runtime.job import Job

VARIABLE = "PYTHONHASHSEED"


def seed(job: Job) -> int:
    """A number that is the same in every worker and attempt of a job."""
    return zlib.crc32(job.id.encode())


def hash_seed(job: Job) -> dict[str, str]:
    """What a process of the job is started with, unless it was given a seed already."""
    return {} if VARIABLE in os.environ or not job.does("seed") else {VARIABLE: str(seed(job))}


def start_with_hash_seed(job: Job) -> None:
    """Begin this process again with the seed, if it was started without."""
    if wanted := hash_seed(job):
        command = [sys.executable, "-m", "labdock_runtime"]
        os.execve(sys.executable, command, {**os.environ, **wanted})
