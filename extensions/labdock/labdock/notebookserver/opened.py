"""Which processes have a GPU open, by what Linux says of their open files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import psutil

DEVICE = re.compile(r"/dev/nvidia(\d+|-uvm)")
"""What CUDA opens; tools that only look, such as nvidia-smi, open another file."""


def has_gpu_open(pid: int) -> bool:
    """Whether a process, or one that it started, has a GPU open."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return False
    return any(DEVICE.fullmatch(file) for one in family for file in _open_files(one.pid))


def _open_files(pid: int) -> Iterable[str]:
    folder = Path(f"/proc/{pid}/fd")
    try:
        links = list(folder.iterdir())
    except OSError:
        return
    for link in links:
        try:
            yield os.readlink(link)  # noqa: PTH115  (Path.readlink keeps no odd names)
        except OSError:
            continue
