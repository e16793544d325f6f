"""Where in a person's code something happens, as they would find it."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from types import FrameType

from labdock_runtime.run import Run

CELL = "ipykernel_"
"""Part of the name of the file that a cell's code has in tracebacks."""


def place(run: Run) -> str:
    """The cell that runs, or the line of the person's code that led here."""
    if run.in_kernel:
        return f"Cell {_cell(run)}"
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_person_code(run, frame):
        frame = frame.f_back
    if frame is None:
        return "The code"
    name = Path(frame.f_code.co_filename).name
    return f"Line {frame.f_lineno} of {name}"


def is_person_code(run: Run, frame: FrameType) -> bool:
    """Whether a frame runs a cell or a file of the job's source."""
    file = frame.f_code.co_filename
    return CELL in file or file.startswith(run.job.folder + "/")


def _cell(run: Run) -> int:
    """The number that the process which runs the cells wrote last."""
    number = 0
    with contextlib.suppress(OSError):
        for line in Path(run.job.events).read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):  # a line that was cut off
                event = json.loads(line)
                if event["kind"] == "cell":
                    number = event["cell"]
    return number
