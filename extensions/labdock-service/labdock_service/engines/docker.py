"""The Docker engine: each worker in a container of its own, with its supervisor as first process.

The container sees its image, read-only; the worker's folder and what its spec names, at the
same paths as here; and nothing else of this machine. Its supervisor comes from this
installation, so that an image that was made long ago runs under it.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.models.containers import Container
from docker.types import DeviceRequest

from labdock_service import linux
from labdock_service.confinement import is_own_account
from labdock_service.engines import containers, processtree, statusfile
from labdock_service.engines.base import WorkerSpec, WorkerStatus
from labdock_service.engines.dockerd import Dockerd
from labdock_service.engines.environment import container_environment
from labdock_service.engines.supervised import SupervisedEngine, looked_at_apart
from labdock_service.engines.toolkit import NO_TOOLKIT, request_devices
from labdock_service.engines.unattended import Unattended
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.errors import EngineAway, EngineFailed
from labdock_service.statefolder import StateFolder

_PATIENCE_SECONDS = 10.0
"""How long a supervisor may take to do what it was told."""

SILENT_SECONDS = 1.0
"""How long nobody may say anything of a worker whose container is there."""

GANG_PORT = 2222
"""Where workers of a gang listen for each other: each has an address of its own."""


class DockerEngine(SupervisedEngine):
    """Workers as containers of this machine's Docker."""

    name = "docker"
    environments = "image"

    def __init__(self, state: StateFolder, dockerd: Dockerd, wake: Path | None = None) -> None:
        super().__init__(state, wake)
        self._dockerd = dockerd
        self._starting: set[str] = set()
        """Workers whose containers are there before anything else tells of them."""
        self._silent: dict[str, float] = {}
        """Since when nobody has said anything of a worker that has a container."""
        self._unattended = Unattended(dockerd)
        self._overdue: dict[str, float] = {}
        """When a worker that was told to end is ended with its container."""

    def why_no_gpu(self) -> str | None:
        """Why nothing can run on a GPU here: there is none, or Docker cannot give it away."""
        return super().why_no_gpu() or (None if self._dockerd.find_toolkit() else NO_TOOLKIT)

    def runs_server(self, person_id: str) -> bool | None:
        """Whether it has a container."""
        try:
            return self._dockerd.has_server(person_id)
        except EngineFailed:
            return None

    def verifies(self, process: str) -> bool:
        """Whether it runs, or a container that it left; also where Docker cannot say."""
        try:
            return super().verifies(process) or self._dockerd.has_verification(process)
        except EngineFailed:
            return True

    def addresses(self, node: str, workers: Sequence[str]) -> list[str]:
        """Their names, on a network of their own."""
        del node
        return [f"{worker}:{GANG_PORT}" for worker in workers]

    def look(self) -> list[WorkerStatus]:
        """Every worker; containers of those that ended, or that hide, are removed.

        Another process may start one meanwhile, whose folder is there before its container: so
        they are listed the other way round, and the containers that were listed are removed, but
        none that has its name since.
        """
        containers_seen = self._containers()
        found = super().look()
        live = {worker.id for worker in found if worker.state != "ended"}
        with suppress(EngineAway):
            for worker in sorted(containers_seen.keys() - live - self._starting):
                with looked_at_apart(worker):
                    if self._is_over(worker):
                        self._tidy(self._group(worker), containers_seen[worker])
            self._strike_the_overdue(live)
        return found

    def _is_over(self, worker: str) -> bool:
        """Whether it has ended, or nobody has said anything of it for a while.

        A supervisor that was just let go holds no lock yet, and has written nothing.
        """
        folder = self._folder(worker)
        status = statusfile.read(folder.path)
        if status is not None and status["state"] == "ended":
            return True
        if folder.locked or (status is not None and folder.read_spec() is not None):
            self._silent.pop(worker, None)
            return False
        since = self._silent.setdefault(worker, time.monotonic())
        return time.monotonic() - since >= SILENT_SECONDS

    def _containers(self) -> dict[str, str]:
        """Those of workers; none where Docker does not say."""
        with suppress(EngineFailed):
            return self._dockerd.workers()
        return {}

    def stop(self, worker: str) -> None:
        """SIGTERM to the worker, and after its grace the end of its container."""
        folder = self._folder(worker)
        spec = folder.read_spec() or {}
        patience = float(spec.get("grace", 0.0))
        if spec.get("unattended"):
            self._unattended.stop(folder)
        else:
            super().stop(worker)
            patience += _PATIENCE_SECONDS
        self._overdue.setdefault(worker, time.monotonic() + patience)

    def kill(self, worker: str) -> None:
        """SIGKILL to the worker and all it started; soon to its container."""
        folder = self._folder(worker)
        if _is_unattended(folder):
            self._unattended.kill(folder)
            return
        super().kill(worker)
        self._overdue[worker] = min(
            self._overdue.get(worker, math.inf), time.monotonic() + _PATIENCE_SECONDS
        )

    def _strike_the_overdue(self, live: set[str]) -> None:
        """End containers whose supervisor, or only program, did not do what it was told."""
        self._overdue = {worker: at for worker, at in self._overdue.items() if worker in live}
        for worker, at in self._overdue.items():
            if at < time.monotonic():
                with looked_at_apart(worker):
                    self._strike(worker)

    def _strike(self, worker: str) -> None:
        folder = self._folder(worker)
        if _is_unattended(folder):
            self._unattended.strike(folder)
        else:
            self._dockerd.remove_container(worker)

    def remove(self, worker: str) -> None:
        """Delete an ended worker's folder, and its container where that is left."""
        group, container = self._group(worker), self._dockerd.find_container(worker)
        super().remove(worker)
        self._tidy(group, container and container.id)

    # Starting

    def _launch(
        self, folder: WorkerFolder, lock: int, spec: WorkerSpec
    ) -> Iterator[dict[str, Any]]:
        self._fetch(spec)
        self._starting.add(spec.id)
        try:
            if spec.unattended:
                yield from self._start_unattended(folder, spec)
            else:
                yield from self._start(folder, lock, spec)
        except (EngineFailed, OSError):
            self._dockerd.remove_container(spec.id)
            self._dockerd.remove_network(spec.group or spec.id)
            raise
        finally:
            self._starting.discard(spec.id)

    def _fetch(self, spec: WorkerSpec) -> None:
        """Have the image here, and meanwhile a network made for when it is needed."""
        group = spec.group or spec.id
        with ThreadPoolExecutor(1) as aside:
            network = aside.submit(self._dockerd.ensure_network, group)
            try:
                self._dockerd.ensure_image(spec.image)
            except EngineFailed:
                wait([network])
                self._dockerd.remove_network(group)
                raise

    def _lay_out(self, folder: WorkerFolder, spec: WorkerSpec) -> None:
        """Have everything there that is mounted, and the container's account own it."""
        folder.code.mkdir()
        (folder.path / "status.json").touch()
        containers.give_away([*folder.mounted(spec), *spec.outputs.values()])
        if self._wake and self._wake.exists() and not is_own_account():
            self._wake.chmod(0o622)  # to be written into, by an account that may not read it

    def _start(self, folder: WorkerFolder, lock: int, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        order = self._order(folder, spec)
        if spec.code is not None:
            order = replace(order, copied=str(spec.code))
        self._lay_out(folder, spec)
        container = self._create(
            spec, containers.options(folder, spec, cpus=order.cpus, wake=self._wake)
        )
        yield {"container": container.id}
        with self._dockerd.started(container) as attachment:
            yield {"supervisor": int(attachment.expect("supervisor"))}
            linux.unlock_file(lock)  # the supervisor takes it as soon as it has its order
            attachment.send(replace(order, walled=True).packed())
            yield {"pid": int(attachment.expect("pid"))}

    def _start_unattended(self, folder: WorkerFolder, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        cpus = self._allot_cpus(folder, spec)
        container = self._create(spec, containers.unattended_options(spec, cpus=cpus))
        yield {"container": container.id}
        self._dockerd.run(container)
        self._unattended.began(folder)

    def _create(self, spec: WorkerSpec, options: dict[str, Any]) -> Container:
        with self._dockerd.network(spec.group or spec.id, spec.image) as network:
            return self._dockerd.create_container(
                spec.id, network=network, device_requests=self._request_devices(spec), **options
            )

    def _request_devices(self, spec: WorkerSpec) -> list[DeviceRequest]:
        if not spec.devices:
            return []
        toolkit = self._dockerd.find_toolkit()
        if toolkit is None:
            raise EngineFailed(NO_TOOLKIT)
        return request_devices(spec.devices, toolkit)

    def _environment(self, folder: WorkerFolder, spec: WorkerSpec) -> dict[str, str]:
        return container_environment(folder, spec)

    def _links(self, spec: WorkerSpec) -> dict[str, Path]:
        return containers.root_places(spec)

    # Looking

    def _end_rest(self, folder: WorkerFolder, status: dict[str, Any]) -> dict[str, Any] | None:
        """What Docker says of a container whose supervisor could write nothing any more."""
        if _is_unattended(folder):
            return self._unattended.settle(folder)
        del status
        name = folder.path.name
        try:
            container = self._dockerd.find_container(name)
            if container is None:
                return {"reason": "its container vanished"}
            self._dockerd.await_end(container)
            self._note(self._dockerd.output(container))
            self._dockerd.remove_container(name)
        except EngineFailed:
            return None
        return _how_it_ended(container.attrs["State"])

    def _note(self, output: bytes) -> None:
        """Keep what a supervisor wrote that came to grief."""
        self._state.logs.mkdir(parents=True, exist_ok=True)
        with (self._state.logs / "supervisors.log").open("ab") as log:
            log.write(output)

    def _tidy(self, group: str, container: str | None) -> None:
        if container is not None:
            self._dockerd.remove_exactly(container)
        self._dockerd.remove_network(group)

    def _group(self, worker: str) -> str:
        """The name of its network."""
        spec = self._folder(worker).read_spec() or {}
        return str(spec.get("group") or worker)


def _is_unattended(folder: WorkerFolder) -> bool:
    return bool((folder.read_spec() or {}).get("unattended"))


def _how_it_ended(state: dict[str, Any]) -> dict[str, Any]:
    if state["OOMKilled"]:
        reason = f"{processtree.OVER_LIMIT}all that its limit lets it have"
        return {"exit_code": -signal.SIGKILL, "reason": reason}
    if state["ExitCode"] == 128 + signal.SIGKILL:
        return {"exit_code": -signal.SIGKILL, "reason": None}
    return {"reason": "its container ended"}
