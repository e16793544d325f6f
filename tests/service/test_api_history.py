"""What a page reads of a job's past: its curves, its stages, and what it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from tests.support.api import FILES, Api, make_job, running_api

from labdock_service.store import events
from labdock_service.store.tables import JobRow


def tell(api: Api, job: str, kind: str, **data: Any) -> None:
    with api.parts.store.write() as session:
        row = session.get(JobRow, job)
        assert row is not None
        events.add(session, row.project_id, "reconciler", kind, job=job, data=data)


def epoch(api: Api, job: str, number: int, fit: int = 1) -> None:
    told = {"epoch": number, "step": 10, "steps": 10, "metrics": {"loss": 1 / number}}
    tell(api, job, "job.epoch", fit=fit, attempt=1, **told)


def step(api: Api, job: str, number: int, within: int) -> None:
    told = {"epoch": number, "step": within, "steps": 10, "metrics": {"loss": 1 / number}}
    tell(api, job, "job.progress", **told)


async def history(client: httpx.AsyncClient, job: str, **query: int) -> dict[str, Any]:
    answer = await client.get(f"jobs/{job}/metrics", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def places(found: dict[str, Any]) -> list[tuple[int, float]]:
    return [(point["fit"], point["epoch"]) for point in found["points"]]


async def test_a_job_that_told_nothing_has_no_points(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = (await make_job(ada))["id"]
        assert await history(ada, job) == {"at": 0, "points": []}


async def test_curves_go_through_epochs_and_steps_and_on_from_there(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = (await make_job(ada))["id"]
        step(api, job, 1, 5)
        epoch(api, job, 1)
        epoch(api, job, 2)
        first = await history(ada, job)
        assert places(first) == [(1, 0.5), (1, 1.0), (1, 2.0)]
        step(api, job, 2, 5)  # a later attempt does the second epoch again
        step(api, job, 3, 5)
        epoch(api, job, 1, fit=2)
        rest = await history(ada, job, after=first["at"])
        assert places(rest) == [(1, 2.5), (2, 1.0)]
        assert (await history(ada, job, after=rest["at"])) == {"at": rest["at"], "points": []}


async def test_a_long_history_is_thinned_evenly(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = (await make_job(ada))["id"]
        for number in range(1, 101):
            epoch(api, job, number)
        told = places(await history(ada, job, most=10))
        assert told == [(1, float(number)) for number in range(10, 101, 10)]


async def test_stages_come_without_what_a_training_tells(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = (await make_job(ada))["id"]
        epoch(api, job, 1)
        answer = await ada.get("events", params={"job": job, "progress": "false"})
        assert [event["kind"] for event in answer.json()] == ["job.submitted"]


async def test_a_snapshot_tells_what_it_was_made_of(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        job = await make_job(ada)
        source = (await ada.get(f"snapshots/{job['snapshot']}/source")).json()
        assert {file["path"] for file in source["files"]} == set(FILES)
        alan = await api.client("alan")
        assert (await alan.get(f"snapshots/{job['snapshot']}/source")).status_code == 404
