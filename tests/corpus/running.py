"""Runs an entry as a job's workers are run, and gathers what they leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.corpus.catalogue import Entry
from tests.support.runtime import RUNTIME, Bench, Worker

Figures = dict[str, float]

DEADLINE = 300.0
NOWHERE = "http://127.0.0.1:9"
NO_NETWORK = {"https_proxy": NOWHERE, "http_proxy": NOWHERE, "no_proxy": "127.0.0.1"}
FIGURE = r"^{name}: (-?[0-9.]+)$"
PACKAGES = Path(__file__).parents[2] / "build/corpus"
"""Where what entries require lies, installed once, as a job's layer of dependencies would be."""


@dataclass(frozen=True)
class Outcome:
    """What a run left: lists of each worker's, then what is the job's."""

    exits: list[int]
    figures: list[Figures]
    weights: list[list[str]]
    logs: list[str]
    fits: list[Figures]
    failed: str
    warnings: list[str]
    models: list[str]
    leftovers: list[str]
    seconds: float


def run(entry: Entry, workers: int, python: Path, folder: Path) -> Outcome:
    """Run an entry on so many workers."""
    bench = Bench(python, folder)
    shutil.copytree(entry.folder, bench.source, dirs_exist_ok=True)
    environment = {"MPLBACKEND": "agg"} if entry.file.endswith(".py") else {}
    environment |= NO_NETWORK if entry.offline else {}
    requirements = entry.folder / "requirements.txt"
    if requirements.exists():
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(RUNTIME), str(install(python, requirements))]
        )
    began = time.monotonic()
    started = bench.start(entry.file, workers, None, **environment)
    try:
        exits = [ending(worker) for worker in started]
    finally:
        bench.close()
    return gather(entry, bench, started, exits, time.monotonic() - began)


def ending(worker: Worker) -> int:
    """A worker's exit code, also where it had to be ended."""
    try:
        return worker.wait(DEADLINE)
    except AssertionError:
        return worker.process.returncode


def gather(
    entry: Entry, bench: Bench, workers: list[Worker], exits: list[int], seconds: float
) -> Outcome:
    """What the workers printed and told."""
    chief = workers[0]
    return Outcome(
        exits=exits,
        figures=[printed(entry, worker.text()) for worker in workers],
        weights=[[told["weights"] for told in worker.events("fit")] for worker in workers],
        logs=[worker.text() for worker in workers],
        fits=last_epochs(chief.events("epoch")),
        failed=" ".join(told["reason"] for told in chief.events("failed")),
        warnings=[told["message"] for told in chief.events("warning")],
        models=sorted(told["name"] for told in chief.events("model")),
        leftovers=sorted(path.name for path in bench.checkpoints.glob("*")),
        seconds=seconds,
    )


def printed(entry: Entry, log: str) -> Figures:
    """The figures that an entry prints: of each name the last."""
    found = {
        name: re.findall(FIGURE.format(name=re.escape(name)), log, re.M) for name in entry.figures
    }
    return {name: float(values[-1]) for name, values in found.items() if values}


def last_epochs(epochs: list[dict[str, Any]]) -> list[Figures]:
    """The metrics at the end of each call of `fit`: where the epochs begin anew, another began."""
    followed = [*epochs, {"epoch": 0}]
    return [now["metrics"] for now, later in pairwise(followed) if later["epoch"] <= now["epoch"]]


def install(python: Path, requirements: Path) -> Path:
    """A folder with what an entry requires beyond the environment."""
    folder = PACKAGES / requirements.parent.name
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, "--no-deps"]
    subprocess.run([*command, "--target", folder, "-r", requirements], check=True)
    return folder
