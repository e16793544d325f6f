"""The spawner of the process engine: people's servers as processes on the hub's machine.

A server outlives the hub: the hub's database keeps its process id and start time, by which a
hub that starts again finds it. A record of it lies in the state folder, for `labdock down`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from traitlets import Float

from labdock_service import homes, processes
from labdock_service.packaging.environments import choose_environment, find_environments
from labdock_service.people.password import ONE_USER
from labdock_service.people.server import EXAMPLES, PACKAGE, PersonServer
from labdock_service.variables import KEPT


class ProcessSpawner(PersonServer, LocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
    """Starts a person's server in their home, on their own overlay of the environment."""

    started = Float(0.0, help="When the server's process started, in seconds since boot.")

    @property
    def record(self) -> str:
        """The name of this server's record in the state folder."""
        return f"server-{self.person}"

    async def start(self) -> tuple[str, int]:
        """Prepare the home and start the server in it; a left-over of an older one is ended."""
        if not self.settings.process.trusted_team and self.user.name not in self.settings.admins:
            raise SpawnException(ONE_USER, reason="one_person")
        self._title, self._overlay = await asyncio.to_thread(self._prepare)
        self._gpus = await self.lease_gpus(self.user_options.get("gpus", 0))
        self.cmd = [str(self._overlay.environment / "bin/python"), "-m", "jupyterhub.singleuser"]
        self._log = self._open_log()
        try:
            address: tuple[str, int] = await super().start()
        finally:
            os.close(self._log)
        self.started = processes.start_time(self.pid) or 0.0
        processes.record(self.settings.state, self.record, self.pid)
        return address

    def _prepare(self) -> tuple[str, homes.Overlay]:
        state = self.settings.state
        left = processes.recorded(state).get(self.record)
        if left:
            processes.end_process(*left)
        groups = [group.name for group in self.user.orm_user.groups]
        homes.make_home(self.home, state.data_roots, groups)
        homes.welcome(self.home, EXAMPLES)
        found = find_environments(state, "local")
        chosen = choose_environment(found, self.settings.default_environment)
        made = homes.make_overlay(self.home, chosen.python.parents[1], chosen.title)
        return chosen.title, made

    def _open_log(self) -> int:
        folder = self.settings.state.logs
        folder.mkdir(parents=True, exist_ok=True)
        log = os.open(folder / f"{self.record}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.popen_kwargs = {"cwd": str(self.home), "stdout": log, "stderr": log}
        return log

    def make_preexec_fn(self, name: str) -> Callable[[], None] | None:
        """Nothing: the server runs as the hub's own user."""
        del name
        return None

    def get_env(self) -> dict[str, str]:
        """The server's environment: the hub's own variables stay behind."""
        env: dict[str, str] = super().get_env()
        return env | {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """What makes the person's home and overlay theirs."""
        programs = os.environ.get("PATH", os.defpath)
        own = {
            "HOME": str(self.home),
            "PATH": f"{self._overlay.path}{os.pathsep}{programs}",
            "JUPYTER_PATH": str(self._overlay.jupyter_path),
            **self.jupyter_variables(str(self.home), str(PACKAGE)),
            **({"LABDOCK_CA": authority} if (authority := self.settings.tls.authority) else {}),
        }
        return env | self.variables(self.settings.address, self._title, self._gpus) | own

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the server again after a restart of the hub."""
        super().load_state(state)
        self.started = state.get("started", 0.0)

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub finds the server by."""
        state: dict[str, Any] = super().get_state()
        return state | ({"started": self.started} if self.pid else {})

    async def poll(self) -> int | None:
        """None while the server runs. A process id used again is not the server."""
        if self.proc is None and self.pid and not processes.alive(self.pid, self.started):
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        return status
