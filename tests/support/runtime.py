"""Runs the workers of a gang by hand, as an engine would, and reads what they leave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.deployment import free_port

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "extensions" / "labdock-runtime"
DEADLINE = 240.0


def free_addresses(count: int) -> list[str]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return [f"127.0.0.1:{port}" for port in ports]


def write_notebook(path: Path, *cells: str, parameters: str | None = None) -> None:
    tagged = [] if parameters is None else [_cell(parameters, ["parameters"])]
    notebook: dict[str, Any] = {
        "cells": tagged + [_cell(source, []) for source in cells],
        "metadata": {"kernelspec": {"name": "someone-elses", "display_name": "Python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
    path.write_text(json.dumps(notebook))


def _cell(source: str, tags: list[str]) -> dict[str, Any]:
    if source.startswith("#md"):
        return {"cell_type": "markdown", "metadata": {}, "source": source}
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {**code, "metadata": {"tags": tags}, "source": source}


class Worker:
    """One process of the runtime, with a folder, an event file and a log of its own."""

    def __init__(
        self, python: Path, folder: Path, source: Path, environment: dict[str, str]
    ) -> None:
        self.folder = folder
        self.code = folder / "code"
        shutil.copytree(source, self.code)
        (folder / "tmp").mkdir()
        self.log = folder / "log"
        self.event_file = folder / "events.jsonl"
        own = {
            "LABDOCK_EVENTS": str(self.event_file),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(RUNTIME),
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(python), "-m", "labdock_runtime"],
                cwd=self.code,
                env={**own, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, deadline: float = DEADLINE) -> int:
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the worker did not end\n{self.text()}") from None

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        if not self.event_file.exists():
            return []
        lines = self.event_file.read_text().splitlines()
        return [e for e in map(json.loads, lines) if kind in (None, e["kind"])]

    def event(self, kind: str) -> dict[str, Any]:
        found = self.events(kind)
        assert found, f"no {kind} event among {self.events()}\n{self.text()}"
        return found[-1]

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, what: Callable[[Worker], object], deadline: float = DEADLINE) -> None:
        end = time.monotonic() + deadline
        while not what(self):
            assert self.process.poll() is None, f"the worker ended\n{self.text()}"
            assert time.monotonic() < end, f"waited in vain\n{self.text()}"
            time.sleep(0.02)


class Bench:
    """A job's folders, and the source that each attempt's workers get a copy of."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self.source = folder / "source"
        self.source.mkdir(parents=True)
        self.models = folder / "models"
        self.tensorboard = folder / "tensorboard"
        self.checkpoints = folder / "checkpoints"
        self.artifacts = folder / "artifacts"
        self.attempts = 0
        self.started: list[Worker] = []

    def start(
        self, entry: str, workers: int = 1, only: int | None = None, **more: str
    ) -> list[Worker]:
        """Start an attempt's workers, or only the first few of them."""
        self._keep_artifacts()
        self.attempts += 1
        addresses = free_addresses(workers)
        ranks = range(workers if only is None else only)
        started = [self._worker(entry, rank, addresses, more) for rank in ranks]
        self.started += started
        return started

    def run(self, entry: str, workers: int = 1, **more: str) -> list[Worker]:
        started = self.start(entry, workers, None, **more)
        for worker in started:
            worker.wait()
        return started

    def close(self) -> None:
        for worker in self.started:
            worker.kill()

    def _keep_artifacts(self) -> None:
        """As the service does when an attempt has ended."""
        code = self.folder / f"worker-{self.attempts}-0" / "code"
        if code.is_dir():
            shutil.copytree(code, self.artifacts / str(self.attempts))

    def _worker(self, entry: str, rank: int, addresses: list[str], more: dict[str, str]) -> Worker:
        folder = self.folder / f"worker-{self.attempts}-{rank}"
        folder.mkdir()
        environment = {
            "LABDOCK_ENTRY": entry,
            "LABDOCK_JOB": "jtest",
            "LABDOCK_ATTEMPT": str(self.attempts),
            "LABDOCK_RANK": str(rank),
            "LABDOCK_WORKERS": str(len(addresses)),
            "LABDOCK_TENSORBOARD": str(self.tensorboard),
            "LABDOCK_CHECKPOINTS": str(self.checkpoints),
            "LABDOCK_MODELS": str(self.models / str(self.attempts)),
            "LABDOCK_ARTIFACTS": str(self.artifacts),
            "LABDOCK_GANG_TIMEOUT": "60",
        }
        if len(addresses) > 1:
            task = {"type": "worker", "index": rank}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(cluster)
        return Worker(self.python, folder, self.source, {**environment, **more})
