from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.workers import eventually, gone

from labdock_service import processes
from labdock_service.statefolder import StateFolder

CLAIMS = """
import sys, time
from pathlib import Path
from labdock_service import processes
from labdock_service.statefolder import StateFolder
processes.claim(StateFolder(Path(sys.argv[1])), "api")
print("claimed", flush=True)
time.sleep(600)
"""

CHILD = """
import time
from labdock_service import processes
processes.die_with_parent()
print("ready", flush=True)
time.sleep(600)
"""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


class Programs:
    """Programs that are all ended afterwards."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, *argv: str) -> tuple[subprocess.Popen[str], str]:
        """A running program and its first line."""
        program = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._stack.enter_context(program)
        self._stack.callback(program.kill)
        assert program.stdout is not None
        return program, program.stdout.readline().strip()

    def python(self, code: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        return self.start(sys.executable, "-c", code, *arguments)

    def shell(self, code: str) -> tuple[subprocess.Popen[str], str]:
        return self.start("sh", "-c", code)


@pytest.fixture
def programs() -> Iterator[Programs]:
    with ExitStack() as stack:
        yield Programs(stack)


def started(program: subprocess.Popen[str]) -> float:
    found = processes.start_time(program.pid)
    assert found is not None
    return found


def test_a_process_is_known_by_its_id_and_start_time(programs: Programs) -> None:
    program, _ = programs.shell("echo up; exec sleep 600")
    when = started(program)
    assert processes.alive(program.pid, when)
    assert not processes.alive(program.pid, when + 1)
    program.kill()
    eventually(lambda: not processes.alive(program.pid, when))
    assert processes.start_time(program.pid) == when, "a zombie has one"
    program.wait()
    assert processes.start_time(program.pid) is None


def test_a_program_whose_name_looks_like_fields(programs: Programs, tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to(sys.executable)
    program, _ = programs.start(
        str(odd), "-S", "-c", "import time; print('up', flush=True); time.sleep(600)"
    )
    assert processes.alive(program.pid, started(program))


def test_ending_a_process(programs: Programs) -> None:
    program, _ = programs.shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
    processes.end_process(program.pid, started(program))
    assert program.wait() == 5


def test_ending_a_process_that_ignores_it(programs: Programs) -> None:
    program, _ = programs.shell("trap '' TERM; echo up; while :; do sleep 0.05; done")
    processes.end_process(program.pid, started(program), grace=0.1)
    assert program.wait() == -signal.SIGKILL


def test_another_process_of_the_same_id_is_left_alone(programs: Programs) -> None:
    program, _ = programs.shell("echo up; exec sleep 600")
    processes.end_process(program.pid, started(program) - 1)
    assert program.poll() is None


def test_ending_who_has_ended_passes(programs: Programs) -> None:
    program, _ = programs.shell("echo up; exec sleep 600")
    when = started(program)
    program.kill()
    program.wait()
    processes.end_process(program.pid, when)


def test_the_newer_of_two_is_the_one(programs: Programs, tmp_path: Path) -> None:
    first, line = programs.python(CLAIMS, str(tmp_path))
    assert line == "claimed"
    second, line = programs.python(CLAIMS, str(tmp_path))
    assert line == "claimed"
    assert first.wait() == -signal.SIGTERM
    assert second.poll() is None
    record = json.loads((tmp_path / "run" / "api.json").read_text())
    assert processes.alive(record["pid"], record["started"])
    assert record["pid"] == second.pid


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"pid": 1, "started": 0, "boot": "other"}'])
def test_a_record_that_means_nobody_is_replaced(tmp_path: Path, record: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api.json").write_text(record)
    for _ in range(2):
        processes.claim(StateFolder(tmp_path), "api")
    assert json.loads((tmp_path / "run" / "api.json").read_text())["pid"] == os.getpid()


def test_a_child_dies_with_its_parent(programs: Programs) -> None:
    parent, line = programs.python(PARENT, CHILD)
    child = int(line)
    assert not gone(child)
    parent.kill()
    eventually(lambda: gone(child))
