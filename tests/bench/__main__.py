"""Run the measurements and write `docs/explanation/benchmarks.md`."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import (
    containers,
    labstart,
    model_server,
    packages,
    spawning,
    starting,
    training,
    waiting,
)
from tests.bench.measure import Series, interleave
from tests.bench.report import PAGE, keep, kept, write_report
from tests.load import queue
from tests.support.deployment import CHECKOUT, Deployment, running_deployment

from labdock_service.installation import ensure_environment, ensure_proxy
from labdock_service.statefolder import StateFolder

ON_PROCESSES = ("starting", "training", "packages", "serving", "lab")
PARTS = (*ON_PROCESSES, "load", "containers", "spawning")


def main() -> None:
    """`python -m tests.bench [--rounds N] [--only PART]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    keep(run(set(options.only or PARTS), options.rounds))
    write_report(kept())
    print(PAGE)


def run(parts: set[str], rounds: int) -> dict[str, list[Series]]:
    """The figures of the parts that are asked for."""
    prepared = StateFolder(CHECKOUT / ".labdock")
    prepared.root.mkdir(mode=0o700, exist_ok=True)
    ensure_proxy(prepared, print)
    figures: dict[str, list[Series]] = {}
    if parts & set(ON_PROCESSES):
        figures |= on_processes(parts, prepared, rounds)
    if "load" in parts:
        ensure_environment(prepared, print)
        figures |= queue.measure(prepared)
    if "containers" in parts:
        figures |= containers.measure(prepared, rounds)
    if "spawning" in parts:
        figures |= spawning.measure(rounds)
    return figures


def on_processes(parts: set[str], prepared: StateFolder, rounds: int) -> dict[str, list[Series]]:
    """The figures that take the process engine's environment."""
    python = ensure_environment(prepared, print) / "venv/bin/python"
    figures: dict[str, list[Series]] = {}
    if "starting" in parts:
        figures |= with_deployment(prepared, python, rounds)
    if "training" in parts:
        figures["training"] = training.measure(python, rounds)
    if "packages" in parts:
        figures["packages"] = packages.measure(python, rounds)
    if "serving" in parts:
        figures["serving"] = model_server.measure(python, install_servers(python), rounds)
    if "lab" in parts:
        with running(prepared) as (deployment, folder):
            figures |= labstart.measure(deployment, python, folder, rounds)
    return figures


def with_deployment(prepared: StateFolder, python: Path, rounds: int) -> dict[str, list[Series]]:
    """What needs a running hub: memory while idle, then all that a person waits for."""
    peers = install_peers()
    with running(prepared) as (deployment, folder):
        memory = starting.idle_memory(deployment)
        start = interleave({"labdock --version": starting.command_line_start}, rounds, "s")
        figures = starting.measure(deployment, python, peers, folder / "project", rounds)
        points = waiting.new_point(deployment, rounds)
        starts = waiting.second_start(deployment, rounds)
    parts = [Series(name, "MB", (value,)) for name, value in memory.items()]
    lines = [*figures, *start.values()]
    return {"memory": parts, "up": starts, "starting": lines, "curves": points}


@contextlib.contextmanager
def running(prepared: StateFolder) -> Iterator[tuple[Deployment, Path]]:
    """A started deployment, and a folder for what is measured with it."""
    with (
        tempfile.TemporaryDirectory(prefix="labdock-bench-") as name,
        running_deployment(prepared, Path(name)) as deployment,
    ):
        yield deployment, Path(name)


def install_peers(name: str = "") -> Path:
    """An interpreter that has the peers of that name, in build/."""
    folder = CHECKOUT / f"build/{name}peers"
    python = folder / "bin/python"
    if not python.exists():
        uv("venv", "--python", sys.executable, folder)
    wanted = Path(__file__).parent / f"peers/{name}requirements.txt"
    uv("pip", "install", "--python", python, "--compile-bytecode", "-r", wanted)
    return python


def install_servers(python: Path) -> model_server.Peers:
    """Other model servers, each beside TensorFlow."""
    return model_server.Peers(
        fastapi=install_web_peers(python),
        kserve=install_peers("kserve-"),
        mlserver=install_peers("mlserver-"),
    )


def install_web_peers(python: Path) -> Path:
    """A folder with FastAPI and uvicorn for the interpreter that has TensorFlow, in build/."""
    folder = CHECKOUT / "build/web-peers"
    wanted = Path(__file__).parent / "peers/web-requirements.txt"
    uv("pip", "install", "--python", python, "--target", folder, "-r", wanted)
    return folder


def uv(*arguments: str | Path) -> None:
    """Run uv."""
    subprocess.run([Path(sys.executable).with_name("uv"), *arguments, "--quiet"], check=True)


if __name__ == "__main__":
    main()
