"""Runs a notebook: papermill in this process, the code in a kernel of its own.

The kernel starts first, so that it boots while papermill is imported. The executed notebook is
written beside the entry and grows on disk.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from labdock_runtime import failures
from labdock_runtime.hashing import hash_seed
from labdock_runtime.run import Run

CHANNELS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
START = "from labdock_runtime.kernel import main; main()"
LONGEST_FOLDER = 80
"""A socket's path must be short; where the worker's own folder is not, /tmp is used."""


class Kernel:
    """The kernel's process, its connection, and the pipe by which it says that it is ready."""

    def __init__(self, run: Run) -> None:
        where = None if len(tempfile.gettempdir()) <= LONGEST_FOLDER else "/tmp"
        self.folder = Path(tempfile.mkdtemp(prefix="labdock-", dir=where))
        ports = {name: number for number, name in enumerate(CHANNELS, 1)}
        self.connection: dict[str, Any] = {
            "transport": "ipc",
            "ip": str(self.folder / "k"),
            "key": os.urandom(16).hex(),
            "signature_scheme": "hmac-sha256",
            **ports,
        }
        file = self.folder / "connection.json"
        file.write_text(json.dumps(self.connection))
        self._ready, ready = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(file), str(ready)],
            cwd=Path(run.job.folder, run.job.entry).parent,
            env=_environment(run, self.folder),
            stdin=subprocess.DEVNULL,
            pass_fds=(ready,),
        )
        os.close(ready)

    def wait_until_ready(self) -> bool:
        """Wait for the kernel; false where it ended instead."""
        try:
            return bool(os.read(self._ready, 1))
        finally:
            os.close(self._ready)

    def end(self) -> int:
        """End the process if it runs still, and give its exit code."""
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


def run_notebook(run: Run) -> int:
    """Run the entry's cells. Gives the worker's exit code."""
    kernel = Kernel(run)

    def stop(signum: int, frame: FrameType | None) -> None:
        del frame
        run.stopping = True
        kernel.process.send_signal(signum)

    if run.job.does("signals"):
        signal.signal(signal.SIGTERM, stop)
    try:
        return _run_cells(run, kernel)
    finally:
        kernel.end()


def _run_cells(run: Run, kernel: Kernel) -> int:
    try:
        from labdock_runtime.cells import execute
    except ImportError as error:
        run.events.failed(
            f"This environment cannot run notebooks: it has no {error.name}. "
            "Choose one with papermill and ipykernel, or submit a script.",
            failures.REFUSED,
        )
        return failures.REFUSED
    return execute(run, kernel)


def _environment(run: Run, folder: Path) -> dict[str, str]:
    own = {"IPYTHONDIR": str(folder / "ipython"), "LABDOCK_FOLDER": run.job.folder}
    return {**os.environ, **own, **hash_seed(run.job)}
