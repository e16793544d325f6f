"""From the client's call to the first line that a person's code prints."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from tests.bench.contenders import FIRST_WORDS, Command, resident, until_first_line
from tests.bench.measure import Series, interleave
from tests.support.deployment import Deployment, eventually

PEERS = Path(__file__).parent / "peers"


def measure(
    deployment: Deployment, python: Path, peers: Path, folder: Path, rounds: int
) -> list[Series]:
    """A script and a notebook, with Labdock and with its peers, in the same rounds."""
    script, notebook = write_project(folder)
    os.environ |= {"LABDOCK_URL": f"{deployment.url}/services/labdock"}
    os.environ |= {"LABDOCK_TOKEN": deployment.labdock("token", "admin").stdout.strip()}
    with contextlib.ExitStack() as stack:
        ray: Command = [peers, PEERS / "ray_jobs.py", folder, script.name]
        scheduler: Command = [peers, PEERS / "jupyter_scheduler_jobs.py", folder, notebook.name]
        papermill: Command = [peers, "-m", "papermill", "--log-output", notebook.name, "ran.ipynb"]
        contenders: dict[str, Callable[[], float]] = {
            "Labdock, script": lambda: submitted(script),
            "Labdock, script, by the command line": lambda: by_command(script),
            "Labdock, notebook": lambda: submitted(notebook),
            "Ray Jobs, script": stack.enter_context(resident(ray)),
            "jupyter-scheduler, notebook (to its end)": stack.enter_context(resident(scheduler)),
            "papermill, notebook": lambda: until_first_line(papermill, folder),
            "python, script": lambda: until_first_line([python, script.name], folder),
        }
        return list(interleave(contenders, rounds, "s").values())


def write_project(folder: Path) -> tuple[Path, Path]:
    """A script and a notebook of one line."""
    folder.mkdir(parents=True, exist_ok=True)
    line = f"print({FIRST_WORDS!r}, flush=True)"
    script, notebook = folder / "script.py", folder / "notebook.ipynb"
    script.write_text(line + "\n")
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line)])
    content.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(content, notebook)
    return script, notebook


def submitted(entry: Path) -> float:
    """Seconds from `labdock.submit` to the first line of the job's log."""
    import labdock

    with silence():
        began = time.perf_counter()
        job = labdock.submit(entry)
        for line in job.logs().follow():
            if FIRST_WORDS in line.text:
                seconds = time.perf_counter() - began
                job.wait()
                return seconds
    raise RuntimeError(f"{job!r} printed no first line")


def by_command(entry: Path) -> float:
    """Seconds from the start of `labdock submit --follow` until it prints the first line."""
    command: Command = [Path(sys.executable).with_name("labdock"), "submit", entry, "--follow"]
    return until_first_line(command, entry.parent)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what the client shows out of the bench's own output."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def command_line_start() -> float:
    """Seconds that the command line takes to start and say its version."""
    began = time.perf_counter()
    command: Command = [Path(sys.executable).with_name("labdock"), "--version"]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def idle_memory(deployment: Deployment) -> dict[str, float]:
    """Proportional memory of each of Labdock's idle processes, in MB (10^6 bytes)."""
    names = ("labdock", "reconciler", "tensorboard", "router")
    files = {name: deployment.state.run / f"{name}.json" for name in names}
    eventually(lambda: all(file.exists() for file in files.values()), what="every process")
    return {
        name: sum(proportional(pid) for pid in family(json.loads(file.read_text())["pid"]))
        for name, file in files.items()
    }


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in family(int(child)))]


def proportional(pid: int) -> float:
    """A process's share of the memory it uses, pages shared with others counted once."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
