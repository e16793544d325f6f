"""Parameters and grids at the API: what is refused, and what is made of the rest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.support.api import Api, make_job, problem, running_api, send_source, sha256
from tests.support.runtime import write_notebook

from labdock_service.store.tables import JobRow, SnapshotRow

CELL = "lr = 1e-3\nunits: int = 32\nnote = 'x'\nshuffle = True"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(api: Api) -> httpx.AsyncClient:
    return await api.client("ada")


async def snapshot_of(
    client: httpx.AsyncClient, folder: Path, cell: str | None = CELL, project: str = "ada"
) -> dict[str, Any]:
    files = {"digits.ipynb": notebook_with(folder, cell)}
    source = await send_source(client, project, files, "digits.ipynb")
    answer = await client.post("snapshots", json={"project": project, "source": source})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_snapshot_tells_its_parameters(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    made = await snapshot_of(ada, tmp_path)
    told = {one["name"]: (one["kind"], one["default"]) for one in made["parameters"]}
    assert told == {
        "lr": ("float", 0.001),
        "units": ("int", 32),
        "note": ("str", "x"),
        "shuffle": ("bool", True),
    }
    assert (await snapshot_of(ada, tmp_path, None))["parameters"] is None
    job = await make_job(ada)
    assert (await ada.get(f"snapshots/{job['snapshot']}")).json()["parameters"] is None
    with api.parts.store.write() as session:
        row = session.get_one(SnapshotRow, made["id"])
        row.parameters, row.looked_into = None, False  # made by an older version
    answer = await ada.post("jobs", json={"snapshot": made["id"], "parameters": {"lr": "fast"}})
    assert "lr is a number" in problem(answer, 400)
    assert (await snapshot_of(ada, tmp_path))["parameters"] == made["parameters"]


async def test_a_slow_disk_holds_up_nobody_elses_writes(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    notebook = notebook_with(tmp_path, "slow = 1")
    source = await send_source(ada, files={"digits.ipynb": notebook}, entry="digits.ipynb")
    place = stuck(api, notebook)
    asked = asyncio.create_task(ada.post("snapshots", json={"project": "ada", "source": source}))
    disk = await opened_by_a_reader(place)
    try:
        await make_job(await api.client("grace"), "grace")
        assert not asked.done()
    finally:
        os.write(disk, notebook)
        os.close(disk)
    assert [one["name"] for one in (await asked).json()["parameters"]] == ["slow"]


@pytest.mark.parametrize("cell", [None, "known = 1"])
async def test_a_notebook_is_looked_into_once(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path, cell: str | None
) -> None:
    made = await snapshot_of(ada, tmp_path, cell)
    stuck(api, (tmp_path / "digits.ipynb").read_bytes())
    asked = {"project": "ada", "source": made["source"]}
    assert (await ada.post("snapshots", json=asked)).json() == made
    renewed = (await ada.post("snapshots", json=asked | {"renew_lock": True})).json()
    assert renewed["parameters"] == made["parameters"]
    assert (await ada.post("jobs", json={"snapshot": made["id"]})).status_code == 201


def notebook_with(folder: Path, cell: str | None) -> bytes:
    file = folder / "digits.ipynb"
    write_notebook(file, "print(lr)", parameters=cell)
    return file.read_bytes()


def stuck(api: Api, content: bytes) -> Path:
    """Have a content lie on a disk that does not answer who reads it."""
    place = api.parts.state.blob(sha256(content))
    place.unlink()
    os.mkfifo(place)
    return place


async def opened_by_a_reader(place: Path) -> int:
    """The other end of a pipe, once somebody has begun to read it."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                return os.open(place, os.O_WRONLY | os.O_NONBLOCK)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("parameters", "field", "sentence"),
    [
        ({"lr": "fast"}, "parameters.lr", "lr is a number (default 0.001): give it as 0.01, not"),
        ({"lr": True}, "parameters.lr", "lr is a number"),
        ({"units": 2.5}, "parameters.units", "units is a whole number (default 32)"),
        ({"units": None}, "parameters.units", "units is a whole number"),
        ({"note": 5}, "parameters.note", "note is text (default 'x')"),
        ({"shuffle": 1}, "parameters.shuffle", "shuffle is true or false"),
        ({"rate": 1}, "parameters.rate", "does not set rate: it sets lr, units, note, shuffle."),
        ({"not a name": 1}, "parameters.not a name", "is no parameter's name"),
    ],
)
async def test_what_does_not_fit_the_cell_is_refused(
    ada: httpx.AsyncClient,
    tmp_path: Path,
    parameters: dict[str, Any],
    field: str,
    sentence: str,
) -> None:
    made, before = await snapshot_of(ada, tmp_path), await jobs_of(ada)
    answer = await ada.post("jobs", json={"snapshot": made["id"], "parameters": parameters})
    assert sentence in problem(answer, 400)
    assert answer.json()["field"] == field
    assert await jobs_of(ada) == before


async def jobs_of(client: httpx.AsyncClient) -> set[str]:
    found = await client.get("jobs", params={"limit": 500})
    return {job["id"] for job in found.json()}


async def test_a_script_takes_arguments_and_a_notebook_parameters(
    ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    script = (await make_job(ada))["snapshot"]
    answer = await ada.post("jobs", json={"snapshot": script, "parameters": {"lr": 1}})
    assert "is a script, which takes no parameters" in problem(answer, 400)
    notebook = (await snapshot_of(ada, tmp_path))["id"]
    answer = await ada.post("jobs", json={"snapshot": notebook, "arguments": ["x"]})
    assert "is a notebook, which takes no arguments" in problem(answer, 400)
    plain = (await snapshot_of(ada, tmp_path, None))["id"]
    answer = await ada.post("jobs", json={"snapshot": plain, "parameters": {"lr": 1}})
    assert "has no cell of parameters" in problem(answer, 400)


async def submit_grid(client: httpx.AsyncClient, snapshot: str, grid: Any, **job: Any) -> Any:
    return await client.post("grids", json={"job": {"snapshot": snapshot, **job}, "grid": grid})


async def test_a_grid_is_a_job_for_each_point(ada: httpx.AsyncClient, tmp_path: Path) -> None:
    snapshot = (await snapshot_of(ada, tmp_path))["id"]
    tried = {"lr": [0.001, 1e-4], "units": [32, 64]}
    answer = await submit_grid(ada, snapshot, tried, parameters={"note": "y"}, workers=2)
    assert answer.status_code == 201, answer.text
    grid = answer.json()
    assert (grid["name"], grid["owner"], grid["values"]) == ("digits", "ada", tried)
    assert grid["states"] == {"packaging": 4}
    assert [job["name"] for job in grid["jobs"]] == [
        "digits lr=0.001 units=32",
        "digits lr=0.001 units=64",
        "digits lr=0.0001 units=32",
        "digits lr=0.0001 units=64",
    ]
    assert grid["jobs"][1]["parameters"] == {"note": "y", "lr": 0.001, "units": 64}
    assert {(j["grid"], j["snapshot"], j["workers"]) for j in grid["jobs"]} == {
        (grid["id"], snapshot, 2)
    }
    assert grid["tensorboard"] == (f"/services/tensorboard/ada/?runFilter={grid['id']}")
    assert (await ada.get(f"grids/{grid['id']}")).json() == grid
    listed = (await ada.get("grids")).json()
    assert listed[0] == grid | {"jobs": []}
    assert (await ada.get("grids", params={"before": grid["id"]})).json() == listed[1:]


async def test_a_grids_runs_are_together_under_names_that_people_read(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    snapshot = (await snapshot_of(ada, tmp_path))["id"]
    name = "Größe/../x" * 15
    grid = (await submit_grid(ada, snapshot, {"note": ["a/b", ".."]}, name=name)).json()
    single = (await ada.post("jobs", json={"snapshot": snapshot, "name": ".."})).json()
    ids = [single["id"], *(job["id"] for job in grid["jobs"])]
    with api.parts.store.read() as session:
        runs = [session.get_one(JobRow, one).run for one in ids]
    assert runs[0] == f"job-{ids[0]}"
    parts = [run.split("/") for run in runs[1:]]
    assert [point for _, point in parts] == [f"note=a-b-{ids[1]}", f"note=-{ids[2]}"]
    assert {folder for folder, _ in parts} == {parts[0][0]}
    assert parts[0][0].startswith("Größe-..-xGröße") and parts[0][0].endswith(grid["id"])
    assert len(parts[0][0].encode()) < 120


@pytest.mark.parametrize(
    ("grid", "field", "sentence"),
    [
        ({}, "grid", "A grid has no parameters"),
        ({"lr": []}, "grid.lr", "lr has no values: give some, as in --grid lr=1,2."),
        ({"lr": [0.1, 0.1]}, "grid.lr", "lr has 0.1 twice"),
        ({"lr": [0.1, "fast"]}, "grid.lr", "lr is a number (default 0.001)"),
        ({"rate": [1, 2]}, "grid.rate", "does not set rate"),
        ({"note": ["x", "y"]}, "grid.note", "note is given once for all and in the grid"),
        (
            {"lr": [x / 10 for x in range(11)], "units": list(range(10))},
            "grid",
            "lr and units make 110 points, and a grid may have 100: take fewer values.",
        ),
        ({"lr": list(range(100_000)), "units": []}, "grid.units", "units has no values"),
    ],
)
async def test_what_makes_no_grid_is_refused(
    ada: httpx.AsyncClient, tmp_path: Path, grid: Any, field: str, sentence: str
) -> None:
    snapshot, before = (await snapshot_of(ada, tmp_path))["id"], await jobs_of(ada)
    answer = await submit_grid(ada, snapshot, grid, parameters={"note": "z"})
    assert sentence in problem(answer, 400)
    assert answer.json()["field"] == field
    assert await jobs_of(ada) == before


async def test_a_mistake_in_what_all_share_names_its_place(
    ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    snapshot = (await snapshot_of(ada, tmp_path))["id"]
    answer = await submit_grid(ada, snapshot, {"lr": [1]}, parameters={"units": "many"})
    assert "units is a whole number" in problem(answer, 400)
    assert answer.json()["field"] == "job.parameters.units"
    script = (await make_job(ada))["snapshot"]
    answer = await submit_grid(ada, script, {"lr": [1]})
    assert "is a script, which takes no parameters" in problem(answer, 400)
    problem(await submit_grid(ada, "saaaaaaaaaa", {"lr": [1]}), 404)


async def test_a_grid_is_stopped_as_a_whole_by_whom_it_belongs_to(
    api: Api, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    grace, alan = await api.client("grace"), await api.client("alan")
    bob = (await snapshot_of(grace, tmp_path, project="vision"))["id"]
    grid = (await submit_grid(grace, bob, {"units": [1, 2, 3]})).json()
    assert (await ada.get(f"grids/{grid['id']}")).status_code == 200
    problem(await ada.post(f"grids/{grid['id']}/stop"), 403)
    problem(await alan.get(f"grids/{grid['id']}"), 404)
    problem(await alan.post(f"grids/{grid['id']}/stop"), 404)
    assert (await alan.get("grids")).json() == []
    problem(await alan.get("grids", params={"project": "vision"}), 404)
    stopped = (await grace.post(f"grids/{grid['id']}/stop")).json()
    assert {job["target"] for job in stopped["jobs"]} == {"stopped"}
    told = await grace.get("events", params={"project": "vision"})
    kinds = [event["kind"] for event in told.json()]
    assert kinds.count("job.stop_requested") == 3
    assert {"grid.submitted", "grid.stop_requested"} <= set(kinds)


async def test_a_notebook_that_cannot_be_read_has_no_parameters(ada: httpx.AsyncClient) -> None:
    for number, cell in enumerate(("lr = = 1", "(" * 10_000, "x = " + "[" * 5000)):
        notebook = {
            "nbformat": 4,
            "metadata": {},
            "cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": cell}],
        }
        entry = f"n{number}.ipynb"
        source = await send_source(ada, files={entry: json.dumps(notebook).encode()}, entry=entry)
        answer = await ada.post("snapshots", json={"project": "ada", "source": source})
        assert answer.json()["parameters"] is None, answer.text
