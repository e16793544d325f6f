"""The page of figures: what was measured, with which versions, by which command."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.labstart import AGAIN, FIRST, WITH, WITHOUT
from tests.bench.measure import Series, compare, percentile, shown, subtract
from tests.bench.model_server import BARE, FASTAPI, KSERVE, MLSERVER, OURS

PAGE = Path(__file__).parents[2] / "docs/explanation/benchmarks.md"
PEERS = Path(__file__).parent / "peers"
FIGURES = PAGE.parents[2] / "build/bench/figures.json"
"""The newest figures of each part, so that one part can be measured again by itself."""

PAIRS = {
    "starting": [
        ("Labdock, script", "Ray Jobs, script"),
        ("Labdock, notebook", "papermill, notebook"),
    ],
    "training": [
        ("1 worker, under the runtime", "1 worker, by hand"),
        ("2 workers, under the runtime", "2 workers, by hand"),
    ],
    "packages": [
        ("pandas and scikit-learn, cold", "pip install --target, cold"),
    ],
    "pushing": [
        ("Labdock", "BuildKit"),
        ("Labdock", "the classic builder"),
    ],
    "pushing, new set": [
        ("Labdock, cold", "BuildKit, cold"),
        ("Labdock, warm", "BuildKit, warm"),
    ],
    "starting, containers": [
        ("Labdock, a changed script", "BuildKit, push and run"),
    ],
    "spawning": [
        ("Labdock", "bare DockerSpawner"),
    ],
    "spawning, ten": [
        ("Labdock", "bare DockerSpawner"),
    ],
    "serving": [
        (OURS, KSERVE),
        (OURS, MLSERVER),
        (OURS, FASTAPI),
        (OURS, BARE),
    ],
}

DIFFERENCES = {
    "lab": [(f"{WITH}, {when}", f"{WITHOUT}, {when}") for when in (FIRST, AGAIN)],
}

TITLES = {
    "up": (
        "The second `make up`",
        "After `labdock down`, everything being installed: seconds from `labdock up --detach` "
        "until the login page answers. Aim: 10 s.",
    ),
    "starting": (
        "From submit to the first line",
        "A script and a notebook of one line. Seconds from the client's call until the line is in "
        "the log stream; for the command line from its own start. jupyter-scheduler shows a "
        "notebook's output when it has ended. Aim: 0.5 s for a script, 3 s for a notebook.",
    ),
    "curves": (
        "From a point to TensorBoard",
        "Seconds from when a worker has written a point until the gate's TensorBoard gives it to "
        "a browser, as the settings are shipped. Aim: 5 s.",
    ),
    "training": (
        "Training under the runtime and by hand",
        "The same custom loop on scikit-learn's digits, started as a job's workers are and by "
        "hand with `TF_CONFIG`. Seconds in the loop itself. Aim: no difference that the interval "
        "can show.",
    ),
    "packages": (
        "Packaging",
        "A changed line of code; pandas and scikit-learn into an environment that has neither, "
        "with and without a cache. Aim: 0.1 s; 5 s cold and 1.5 s warm.",
    ),
    "serving": (
        "The model server",
        "The digits model (64-64-10), one instance a request, 16 connections from the same "
        "machine. Requests a second. Aim: 5,000.",
    ),
    "lab": (
        "JupyterLab's start",
        "The same JupyterLab with Labdock's extension and without it, in Chromium: from the "
        "address until the launcher can be used. The first time the browser has nothing of it; "
        "again it has its cache. Aim: 300 ms more.",
    ),
    "lab, script": (
        "The extension's script at JupyterLab's start",
        "What of it is loaded before somebody opens anything. Aim: 250 kB for all of it.",
    ),
    "pushing": (
        "In containers: a changed line, packaged and pushed",
        "On the training image, to a registry on the same machine that has the image's other "
        "layers. Docker's builders by `docker build` and `docker push`, with `DOCKER_BUILDKIT` 1 "
        "and 0. Aim: a third of BuildKit's.",
    ),
    "pushing, new set": (
        "In containers: pandas and pyarrow, packaged and pushed",
        "Without a cache, and with one: uv's, and pip's by a cache mount. Labdock locks them with "
        "hashes first. Each time into a repository that has no layer of them. Aim: 8 s cold, 3 s "
        "warm.",
    ),
    "pushing, bytes": (
        "In containers: bytes pushed",
        "What the registry holds more afterwards. Labdock's layers are not compressed, so that "
        "they are the same to the byte on every machine.",
    ),
    "starting, containers": (
        "In containers: from submit to the first line",
        "From the client's call until the line is in the log stream, through service, queue, "
        "packaging, registry and Docker; and `docker build`, `docker push` and `docker run` by "
        "hand. Aim: 0.7 s.",
    ),
    "image": (
        "In containers: the training image",
        "Aim: at most 1100 MB unpacked and 380 MB compressed.",
    ),
    "spawning": (
        "In containers: a person's server",
        "From the click until the hub says that it is ready, on the same image; both hubs run at "
        "once. Aim: no longer than bare DockerSpawner.",
    ),
    "spawning, ten": (
        "In containers: ten servers at once",
        "Until the last of them is ready. Aim: at most twice as long as one.",
    ),
    "memory": (
        "Memory of the idle service",
        "Each process's proportional share, right after the start. Aim: 150 MB in all.",
    ),
    "load": (
        "A thousand jobs wait and twenty run",
        "All of them are submitted one after the other. Then 8 clients ask for something forty "
        "times a second together, while 20 others follow the jobs that run; all come through the "
        "hub's proxy, from the same machine. Aim: 99 % of the requests in 100 ms.",
    ),
    "load, at rest": (
        "The same, while nobody asks",
        "How often a second the threads of each process wake up, and what the reconciler takes "
        "of a CPU. Aim: nothing looks more often than once a second.",
    ),
    "load, memory": (
        "Memory after that",
        "Each process's proportional share, after the requests above. Aim: 300 MB in all.",
    ),
}


def keep(figures: Mapping[str, Sequence[Series]]) -> None:
    """Put figures beside, or in place of, those that are kept."""
    together = {part: [asdict(one) for one in series] for part, series in figures.items()}
    older = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps({**older, **together}, indent=1))


def kept() -> dict[str, list[Series]]:
    """The figures that are kept, by part."""
    figures = json.loads(FIGURES.read_text())
    return {
        part: [Series(one["name"], one["unit"], tuple(one["values"])) for one in series]
        for part, series in figures.items()
    }


def write_report(figures: Mapping[str, Sequence[Series]]) -> None:
    """Write the page."""
    lines = ["# Benchmarks", "", *heading(), ""]
    for part, (title, told) in ((part, TITLES[part]) for part in TITLES if part in figures):
        rows = requests(figures[part]) if part == "load" else table(figures[part])
        lines += [f"## {title}", "", told, "", *rows]
        lines += comparisons(part, figures[part])
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def heading() -> Iterator[str]:
    """The machine, the versions and the command."""
    cores = len(os.sched_getaffinity(0))
    files = sorted(PEERS.glob("*requirements.txt"))
    lines = (line for file in files for line in file.read_text().splitlines())
    pins = dict.fromkeys(line for line in lines if "==" in line)
    peers = ", ".join(pin.replace("==", " ") for pin in pins)
    yield "Made by `make bench`; each section is one run. Contenders take turns in an order that is"
    yield "shuffled each round, so that a slow minute of the machine is everybody's. A ratio is the"
    yield "median over pairs, with its 95 % bootstrap interval. A section may have been taken while"
    yield "the machine did other work too: compare figures within a section, not between them."
    yield ""
    yield f"{datetime.date.today()}, {cores} cores, {memory()}, Linux {platform.release()}, "
    yield f"Python {platform.python_version()}, {versions()}. Peers: {peers}."


def versions() -> str:
    """Versions of what was measured here."""
    names = ("labdock", "jupyterhub", "dockerspawner", "fastapi", "uvicorn")
    found = [f"{name} {importlib.metadata.version(name)}" for name in names]
    return ", ".join([*found, *docker_version()])


def docker_version() -> Iterator[str]:
    """Docker's, where there is one."""
    if shutil.which("docker"):
        asked = ["docker", "version", "--format", "Docker {{.Server.Version}}"]
        yield subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def memory() -> str:
    """How much memory the machine has."""
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{size / 1e9:.0f} GB of memory"


def table(series: Sequence[Series]) -> Iterator[str]:
    """A row a contender, and the sum where the figures are shares."""
    units = {one.unit for one in series}
    yield f"| what | median{'' if len(units) > 1 else f', {series[0].unit}'} | range | runs |"
    yield "|---|---|---|---|"
    for one in series:
        unit = f" {one.unit}" if len(units) > 1 else ""
        yield f"| {one.name} | {shown(one.median)}{unit} | {one.spread} | {len(one.values)} |"
    if series[0].unit == "MB":
        yield f"| in all | {shown(sum(one.median for one in series))} | | |"
    yield ""


def requests(series: Sequence[Series]) -> Iterator[str]:
    """A row for what was asked for: the middle, and what nearly all requests stay below."""
    yield f"| what | median, {series[0].unit} | 99 %, {series[0].unit} | requests |"
    yield "|---|---|---|---|"
    for one in series:
        high = percentile(one.values, 99)
        yield f"| {one.name} | {shown(one.median)} | {shown(high)} | {len(one.values)} |"
    yield ""


def comparisons(part: str, series: Sequence[Series]) -> Iterator[str]:
    """A sentence for each pair that is compared."""
    by_name = {one.name: one for one in series}
    for ours, theirs in pairs(PAIRS, part, by_name):
        result = compare(by_name[ours], by_name[theirs])
        interval = f"{shown(result.low)} to {shown(result.high)}"
        yield f"- {ours} / {theirs}: {shown(result.ratio)} ({interval}, {result.pairs} pairs)."
    for ours, theirs in pairs(DIFFERENCES, part, by_name):
        more = subtract(by_name[ours], by_name[theirs])
        interval = f"{shown(more.low)} to {shown(more.high)}"
        told = f"{shown(more.median)} {by_name[ours].unit} ({interval}, {more.pairs} pairs)"
        yield f"- {ours}, less {theirs}: {told}."
    yield ""


def pairs(
    among: Mapping[str, list[tuple[str, str]]], part: str, known: Mapping[str, Series]
) -> Iterator[tuple[str, str]]:
    """The pairs of a part, without those of which figures were kept from before they were one."""
    for ours, theirs in among.get(part, []):
        if {ours, theirs} <= known.keys():
            yield ours, theirs
