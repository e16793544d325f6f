"""How a run can end, and what a person reads of it."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

OK = 0
FAILED = 1
REFUSED = 64
RETRY = 75
STOPPED = 143

HERE = __file__.rpartition(os.sep)[0]
LOST_PEER = {"AbortedError", "CancelledError", "DeadlineExceededError", "InternalError"}
SPACE = " (Free some space, or ask an admin to; then `labdock retry` goes on.)"
DISK_FULL = {
    OSError.__name__: f"[Errno {errno.ENOSPC}]",
    "ResourceExhaustedError": "No space left",
}
"""What exceptions say of a full disk, Python's and TensorFlow's."""
GONE = re.compile(r"unhealthy|heartbeat|socket closed|connection reset|failed to connect", re.I)
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
REASON_LENGTH = 500
SHARED = " (Files that are not beside the code belong in `~/data` or `~/projects/NAME`.)"
LOST = "This worker lost another one of its gang."


class Refused(BaseException):
    """The job asks for something that Labdock does not do; its text says what to do instead.

    It is no `Exception`, so that a person's `except Exception` does not hide it.
    """


class NotDownloaded(Exception):
    """A file that is not there and cannot be had; its text says where to put it."""


class EndOfNotebook(BaseException):
    """Ends the run here, as a success."""


def end_of_notebook() -> NoReturn:
    """End this job's run: the cells, or the lines, from here on are not run."""
    raise EndOfNotebook


def is_lost_peer(name: str, text: str) -> bool:
    """Whether an exception says that another worker of the gang is gone."""
    if name == "UnavailableError":
        return True
    return name in LOST_PEER and GONE.search(text) is not None


def in_one_line(name: str, text: str) -> str:
    """An exception as the one line that a person reads first."""
    first = text.strip().split("\n", 1)[0]
    line = f"{name}: {first}" if first else name
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"


def judge(name: str, text: str, *, gang: bool) -> tuple[str, int]:
    """What an exception means for a worker: the sentence to tell, and its exit code."""
    value = without_places(text, places())
    if name in (Refused.__name__, NotDownloaded.__name__):
        return value, REFUSED
    if gang and is_lost_peer(name, text):
        return LOST, RETRY
    hint = SHARED if name == FileNotFoundError.__name__ else ""
    if name in DISK_FULL and DISK_FULL[name] in text:
        hint = SPACE
    return in_one_line(name, value) + hint, FAILED


def without_places(text: str, folders: list[str]) -> str:
    """Text in which paths are relative to the folders that hold them."""
    for folder in sorted({f.rstrip("/") for f in folders if f.count("/") > 1}, key=len)[::-1]:
        text = text.replace(folder + "/", "")
    return text


def places() -> list[str]:
    """Folders of this machine that no message names."""
    return [path for path in [*sys.path, str(Path.cwd()), sys.prefix, sys.base_prefix] if path]


def readable(traceback_text: str, folders: list[str]) -> str:
    """A notebook's traceback without colours, places, and lines about hidden frames."""
    lines = ANSI.sub("", traceback_text).split("\n")
    return without_places("\n".join(x for x in lines if "skipping hidden" not in x), folders)


def traceback_of(error: BaseException, folders: list[str]) -> str:
    """A script's traceback without the runtime's own frames."""
    import traceback

    report = traceback.TracebackException.from_exception(error)
    _drop_own_frames(report, set())
    return without_places("".join(report.format()), folders)


def _drop_own_frames(report: object, seen: set[int]) -> None:
    import traceback

    if not isinstance(report, traceback.TracebackException) or id(report) in seen:
        return
    seen.add(id(report))
    kept = [frame for frame in report.stack if not _is_own(frame.filename)]
    report.stack = traceback.StackSummary.from_list(kept)
    _drop_own_frames(report.__cause__, seen)
    _drop_own_frames(report.__context__, seen)


def _is_own(filename: str) -> bool:
    return filename.startswith(("<frozen runpy", "<frozen importlib", HERE + os.sep))
