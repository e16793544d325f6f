"""Engines that report GPUs which this machine does not have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labdock_service.engines.base import (
    Device,
    Engine,
    LogRecord,
    Node,
    WorkerSpec,
    WorkerStatus,
)
from labdock_service.engines.process import ProcessEngine


def gpus(count: int) -> tuple[Device, ...]:
    """So many of a kind."""
    return tuple(
        Device(uuid=f"GPU-{number}", title="NVIDIA Invented", memory=80 * 2**30)
        for number in range(count)
    )


class Died(BaseException):
    """kill -9, as far as the code that runs can tell."""


class WithGpus(ProcessEngine):
    """The process engine on a machine with GPUs: its workers see CUDA_VISIBLE_DEVICES alone."""

    devices = gpus(2)

    def nodes(self) -> list[Node]:
        return [replace(node, devices=self.devices) for node in super().nodes()]


@dataclass
class Written(Engine):
    """Keeps workers on paper: they run until a test says that they end."""

    devices: tuple[Device, ...] = gpus(3)
    specs: dict[str, WorkerSpec] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    stopping: set[str] = field(default_factory=set)
    verifying: dict[str, list[str]] = field(default_factory=dict)
    """The GPUs that verifications of images really use, by their processes."""
    dies: str = ""
    """`before` or `after` the next worker begins, the caller dies."""

    name = "written"
    environments = "local"

    def running(self) -> list[WorkerSpec]:
        return [spec for spec in self.specs.values() if spec.id not in self.ended]

    def end(self, worker: str, code: int) -> None:
        self.ended.setdefault(worker, code)

    def nodes(self) -> list[Node]:
        return [Node(name="local", cpus=64, memory=2**42, devices=self.devices)]

    def runs_server(self, person_id: str) -> bool:
        del person_id
        return False

    def verifies(self, process: str) -> bool:
        return process in self.verifying

    def addresses(self, node: str, workers: Sequence[str]) -> list[str]:
        return [self.reserve_port(node) for _ in workers]

    def reserve_port(self, node: str) -> str:
        del node
        return "127.0.0.1:1"

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Died
        self.specs.setdefault(spec.id, spec)
        if dies:
            raise Died
        yield {}

    def look(self) -> list[WorkerStatus]:
        return [self._status(spec) for spec in self.specs.values()]

    def _status(self, spec: WorkerSpec) -> WorkerStatus:
        return WorkerStatus(
            id=spec.id,
            state="ended" if spec.id in self.ended else "running",
            node="local",
            labels=spec.labels,
            exit_code=self.ended.get(spec.id),
        )

    def stop(self, worker: str) -> None:
        """A worker takes its time to end."""
        self.stopping.add(worker)

    def kill(self, worker: str) -> None:
        self.end(worker, -9)

    def remove(self, worker: str) -> None:
        self.specs.pop(worker, None)

    async def log(
        self, worker: str, *, after: str | None = None, follow: bool = False
    ) -> AsyncIterator[LogRecord]:
        del worker, after, follow
        nothing: list[LogRecord] = []
        for record in nothing:
            yield record

    def events(self, worker: str, offset: int) -> tuple[list[bytes], int]:
        del worker
        return [], offset


def write_nvidia_smi(folder: Path, *uuids: str) -> Path:
    """An nvidia-smi that lists these; the folder that it lies in, for PATH."""
    programs, listed = folder / "programs", folder / "listed"
    programs.mkdir()
    listed.write_text("".join(f"{uuid}, NVIDIA Invented, 81920\n" for uuid in uuids))
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\ncat {listed}\n")
    (programs / "nvidia-smi").chmod(0o755)
    return programs
