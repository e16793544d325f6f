"""What is asked of the kernel."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

CRASH = """
import os, resource
from labdock_service import linux
{before}
linux.leave_no_core_dump()
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
if not os.fork():
    os.abort()
print(os.WCOREDUMP(os.wait()[1]), flush=True)
os.abort()
"""
NONE_ALLOWED = "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"


@pytest.mark.parametrize(("before", "limit"), [("", (1, 1)), (NONE_ALLOWED, (0, 0))])
def test_a_crash_leaves_nothing_of_the_memory(
    tmp_path: Path, before: str, limit: tuple[int, int]
) -> None:
    """Neither its own nor that of what it started, and neither in a file nor in a program."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH.format(before=before)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.splitlines() == [str(limit), "False"]
    assert not list(tmp_path.iterdir())
