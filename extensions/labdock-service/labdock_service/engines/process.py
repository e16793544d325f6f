"""The embedded engine: workers are processes of this machine, each under a supervisor.

There are no walls between them: every worker runs as the service's own user.

CPUs are a binding: a worker runs on as many CPUs as it asked for, those with the fewest
workers, and libraries (TensorFlow, OpenMP, BLAS) size their thread pools by it. Memory is
watched once a second by the supervisor, which ends a worker that is over its limit and
says so: TensorFlow reserves far more address space than it uses, so rlimits do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labdock_service import processes
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.environment import worker_environment
from labdock_service.engines.foldercopy import copy_folder
from labdock_service.engines.launch import launch
from labdock_service.engines.supervised import SupervisedEngine
from labdock_service.engines.workerfolder import WorkerFolder


class ProcessEngine(SupervisedEngine):
    """Workers as local processes."""

    name = "process"
    environments = "local"

    def runs_server(self, person_id: str) -> bool:
        """Whether it has a record."""
        return f"server-{person_id}" in processes.recorded(self._state)

    def addresses(self, node: str, workers: Sequence[str]) -> list[str]:
        """Free ones of this machine."""
        del node
        return self._reserve_ports(len(workers))

    def _launch(
        self, folder: WorkerFolder, lock: int, spec: WorkerSpec
    ) -> Iterator[dict[str, Any]]:
        if spec.code is not None:
            copy_folder(spec.code, folder.code)
        order = self._order(folder, spec)
        return launch(folder, lock, order, self._state.logs / "supervisors.log")

    def _environment(self, folder: WorkerFolder, spec: WorkerSpec) -> dict[str, str]:
        return worker_environment(folder, spec)

    def _links(self, spec: WorkerSpec) -> dict[str, Path]:
        return spec.links
