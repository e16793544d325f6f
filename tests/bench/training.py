"""Training under the runtime beside the same script started by hand with TF_CONFIG."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.measure import Series, interleave

import labdock_runtime
from labdock_service.engines.ports import reserve

SCRIPT = Path(__file__).parent / "scripts" / "train_digits.py"
RUNTIME = Path(labdock_runtime.__file__).parent.parent


def measure(python: Path, rounds: int) -> list[Series]:
    """Seconds in the training itself, with two workers and with one."""
    contenders: dict[str, Callable[[], float]] = {
        f"{workers} worker{'s' * (workers > 1)}, {way}": timed(python, workers, way)
        for workers in (1, 2)
        for way in ("under the runtime", "by hand")
    }
    return list(interleave(contenders, rounds, "s").values())


def timed(python: Path, workers: int, way: str) -> Callable[[], float]:
    """A round: a gang is started, and the chief says how long it trained."""
    command = ["-m", "labdock_runtime"] if way == "under the runtime" else [SCRIPT.name]

    def run() -> float:
        with tempfile.TemporaryDirectory(prefix="labdock-bench-") as folder:
            return gang([str(python), *command], workers, Path(folder))

    return run


def gang(command: list[str], workers: int, folder: Path) -> float:
    """Run the workers together and read the chief's figure."""
    addresses = reserve(folder / "ports.json", workers)
    processes = [
        subprocess.Popen(
            command,
            cwd=worker_folder(folder, rank),
            env=worker_environment(folder, addresses, rank),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(workers)
    ]
    said = [process.communicate(timeout=300)[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"{command} ended with {[p.returncode for p in processes]}: {said}")
    return float(said[0].strip().splitlines()[-1])


def worker_folder(folder: Path, rank: int) -> Path:
    """A working copy of the script."""
    work = folder / str(rank)
    work.mkdir()
    (work / SCRIPT.name).write_text(SCRIPT.read_text())
    return work


def worker_environment(folder: Path, addresses: list[str], rank: int) -> Mapping[str, str]:
    """What an engine would set; by hand, only TF_CONFIG of it counts."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(RUNTIME),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "LABDOCK_ENTRY": SCRIPT.name,
        "LABDOCK_RANK": str(rank),
        "LABDOCK_WORKERS": str(len(addresses)),
        "LABDOCK_JOB": folder.name,
        "LABDOCK_EVENTS": str(folder / f"{rank}.jsonl"),
        "LABDOCK_TENSORBOARD": str(folder / "tensorboard"),
        "LABDOCK_CHECKPOINTS": str(folder / "checkpoints"),
        "LABDOCK_MODELS": str(folder / "models"),
    }
    if len(addresses) > 1:
        task = {"type": "worker", "index": rank}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    return environment
