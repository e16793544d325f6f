"""Workers that are a program of their image's own: no supervisor is with them, and Docker tells
of them.

What a supervisor does for others is done at each look: the output goes from Docker's log to the
worker's, and the end is written down.
"""

from __future__ import annotations

import logging
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from labdock_service.engines import processtree, statusfile
from labdock_service.engines.carrying import carry
from labdock_service.engines.dockerd import Dockerd
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.errors import EngineAway, EngineFailed

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two questions to Docker about one worker."""

STOPPED, KILLED = "stopped on request", "killed on request"
_LAST_SIGNAL = 64


@dataclass(frozen=True)
class Unattended:
    """What there is to do about such workers, whose containers Docker has."""

    dockerd: Dockerd
    _looked: dict[str, float] = field(default_factory=dict)

    def began(self, folder: WorkerFolder) -> None:
        """Note that its container runs: from here on it is a worker."""
        statusfile.write(folder.path, {"state": "running", "started": time.time()})

    def settle(self, folder: WorkerFolder) -> dict[str, Any] | None:
        """Carry its output on; how it ended, or None while it runs or Docker does not say."""
        worker = folder.path.name
        if time.monotonic() - self._looked.get(worker, -LOOK_SECONDS) < LOOK_SECONDS:
            return None
        self._looked[worker] = time.monotonic()
        try:
            container = self.dockerd.find_container(worker)
            if container is None:
                return {"reason": "its container vanished"}
            self._carry(folder, container)
        except (EngineFailed, OSError):  # a disk that is full has space again
            return None
        state = container.attrs["State"]
        return None if state["Running"] else self._how_it_ended(folder, state)

    def _carry(self, folder: WorkerFolder, container: Container) -> None:
        """Raises EngineFailed and OSError; output that makes no sense keeps nobody running."""
        try:
            carry(lambda since: self.dockerd.output_since(container, since), folder.log)
        except (EngineFailed, OSError):
            raise
        except Exception:
            LOG.exception("The output of worker %s cannot be read", folder.path.name)

    def stop(self, folder: WorkerFolder) -> None:
        """SIGTERM to the program."""
        if not _wish(folder).exists():
            self._tell(folder, signal.SIGTERM, STOPPED)

    def kill(self, folder: WorkerFolder, reason: str = KILLED) -> None:
        """SIGKILL to the program, and with it the end of its container."""
        self._tell(folder, signal.SIGKILL, reason)

    def strike(self, folder: WorkerFolder) -> None:
        """The same to one that was told to end, and has had its time."""
        grace = (folder.read_spec() or {}).get("grace", 0.0)
        stopped = f"{STOPPED}; it was killed after {grace:g} seconds"
        self.kill(folder, KILLED if _wished(folder) == KILLED else stopped)

    def _tell(self, folder: WorkerFolder, number: signal.Signals, reason: str) -> None:
        status = folder.status()
        if status is None or status["state"] == "ended":
            return
        try:
            self.dockerd.send_signal(folder.path.name, number)
        except EngineAway:
            return
        _wish(folder).write_text(reason)

    def _how_it_ended(self, folder: WorkerFolder, state: dict[str, Any]) -> dict[str, Any]:
        """In the words of a supervisor. Docker tells a signal and the code 128 + N not apart."""
        self._looked.pop(folder.path.name, None)
        code, spec = state["ExitCode"], folder.read_spec() or {}
        if state["OOMKilled"]:
            size = f"{spec['memory'] / 2**20:,.0f} MiB"
            reason = f"{processtree.OVER_LIMIT}{size} and its limit is {size}"
            return {"exit_code": -signal.SIGKILL, "reason": reason}
        by_signal = 128 < code <= 128 + _LAST_SIGNAL
        return {"exit_code": 128 - code if by_signal else code, "reason": _wished(folder)}


def _wish(folder: WorkerFolder) -> Path:
    """The file that says why it was told to end."""
    return folder.path / "wish"


def _wished(folder: WorkerFolder) -> str | None:
    try:
        return _wish(folder).read_text()
    except FileNotFoundError:
        return None
