"""A worker that fills all the memory there is, and not only its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.services import require
from tests.support.workers import process_engine, python, run, spec, texts

GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def little_memory(size: int) -> Iterator[Path]:
    """A control group with so much memory: whoever writes itself into the file has no more."""
    newer = (GROUPS / "cgroup.controllers").exists()
    limit = "memory.max" if newer else "memory.limit_in_bytes"
    group = (GROUPS if newer else GROUPS / "memory") / f"labdock-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(size))
        if (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
    except OSError:
        require(False, "the right to make a control group of memory, which root has,")
    try:
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def test_a_worker_that_takes_the_last_memory_is_ended_by_the_kernel(tmp_path: Path) -> None:
    with little_memory(200 * 2**20) as members, process_engine(tmp_path / "state") as engine:
        code = f"""
            import os
            with open({str(members)!r}, "w") as file:
                file.write(str(os.getpid()))
            print("begun", flush=True)
            hog = b"x" * (400 * 2**20)
        """
        wanted = spec(*python(code))
        after = run(engine, wanted)
        assert after.exit_code == -signal.SIGKILL
        assert after.reason == "out of memory: the machine had none left"
        assert texts(engine, wanted.id) == ["begun"]
