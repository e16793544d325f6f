"""What is timed: commands, and programs that stay up and answer a line for each round."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FIRST_WORDS = "first line"

Command = Sequence[str | Path]


class Resident:
    """A program that prints `ready`, then for each line it reads the seconds that a round took."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read_until("ready")

    def __call__(self) -> float:
        """One round."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read_until(None))

    def _read_until(self, word: str | None) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word or (word is None and is_figure(line)):
                return line
        raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")


def is_figure(line: str) -> bool:
    """Whether a line is a number and nothing else."""
    try:
        float(line)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def resident(command: Command) -> Iterator[Resident]:
    """Start such a program and end it at the end."""
    with subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Resident(process)
        finally:
            process.terminate()


def until_first_line(command: Command, folder: Path) -> float:
    """Seconds from a command's start until it prints its first line."""
    began = time.perf_counter()
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if FIRST_WORDS in line:
                seconds = time.perf_counter() - began
                process.communicate()
                return seconds
    raise RuntimeError(f"{command!r} printed no first line")
