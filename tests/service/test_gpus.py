"""GPUs of notebooks over the API, beside a reconciler; and jobs on GPUs that are invented."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError
from tests.support.api import (
    Api,
    make_environment,
    make_settings,
    problem,
    running_api,
    send_source,
)
from tests.support.gpus import reconciling_beside
from tests.support.invented import WithGpus, gpus, write_nvidia_smi
from tests.support.reconciling import Deployment, deployed, eventually
from tests.support.stores import every_project

from labdock.schema import Resources
from labdock_service.engines.base import NO_GPU
from labdock_service.errors import Conflict, Invalid, Unavailable
from labdock_service.hubclient import ADMIN
from labdock_service.jsonfile import write_json
from labdock_service.partports import PORTS_FILE
from labdock_service.people import gpulease
from labdock_service.people.gpulease import GpuLedger
from labdock_service.reconciler.loop import own_pipe
from labdock_service.store import events, leases, notebooks
from labdock_service.store.tables import LeaseRow
from labdock_service.wakeup import wake


@dataclass
class Place:
    """The API and a reconciler on a machine with two GPUs, and who says what of them."""

    api: Api
    engine: WithGpus
    hub: httpx.AsyncClient
    ada: httpx.AsyncClient

    async def start(self, name: str, gpus: int = 1, start: str = "t1", **more: Any) -> Any:
        wanted = {"start": start, "gpus": gpus, **more}
        answer = await self.hub.put(f"notebook-leases/{name}", json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def end(self, name: str, start: str = "t1") -> None:
        answer = await self.hub.delete(f"notebook-leases/{name}", params={"start": start})
        assert answer.status_code == 204, answer.text

    async def acquire(self, gpus: int = 1, **query: float) -> httpx.Response:
        return await self.ada.post(
            "notebook-lease/acquire", json={"gpus": gpus}, params=dict(query)
        )

    async def holders(self) -> list[str | None]:
        return [gpu["held_by"] for gpu in (await self.hub.get("gpus")).json()]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    settings = make_settings(tmp_path)
    engine = WithGpus(settings.state, own_pipe(settings.state))
    async with running_api(tmp_path, settings, engine) as api:
        with reconciling_beside(api, engine):
            yield Place(api, engine, await api.client(ADMIN), await api.client("ada"))


async def test_a_notebook_gets_a_gpu_and_gives_it_back(place: Place) -> None:
    lease = await place.start("ada")
    assert (lease["state"], lease["devices"]) == ("held", ["GPU-0"])
    assert await place.start("ada") == lease  # asked again
    assert await place.holders() == ["ada's notebook server", None]
    mine = await place.ada.get("notebook-lease")
    assert mine.json() == lease
    released = await place.ada.post("notebook-lease/release")
    assert (released.json()["state"], released.json()["devices"]) == ("none", [])
    again = await place.acquire(2, wait=60)
    assert again.json()["devices"] == ["GPU-0", "GPU-1"]
    await place.end("ada", "an older start")
    assert await place.holders() == ["ada's notebook server"] * 2
    await place.end("ada")
    assert (await place.start("grace", 2))["devices"] == ["GPU-0", "GPU-1"]
    with place.api.parts.store.read() as session:
        told = events.after(session, every_project(session), 0)
    kinds = [event.kind for event in told if event.project == "ada"]
    leased, returned = "notebook.gpus_leased", "notebook.gpus_returned"
    assert kinds == [leased, returned, leased, returned, returned]


async def test_where_no_machine_has_a_gpu_that_is_said_before_one_asks(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.start("ada", 0)
    assert (await place.ada.get("notebook-lease")).json()["unavailable"] == ""
    bare = [replace(node, devices=()) for node in place.engine.nodes()]
    monkeypatch.setattr(place.engine, "nodes", lambda: bare)
    lease = (await place.ada.get("notebook-lease")).json()
    assert (lease["state"], lease["unavailable"]) == ("none", "No machine here has a GPU.")


async def test_what_is_held_is_said_with_who_holds_it(place: Place) -> None:
    await place.start("ada", 2)
    waits = await place.start("grace")
    assert waits["state"] == "waiting"
    assert waits["message"] == ("Waits for 1 GPU: 2 of 2 are in use by ada's notebook server.")
    await place.ada.post("notebook-lease/release")
    wanted = {"start": "t1", "gpus": 1}
    got = await place.hub.put("notebook-leases/grace", json=wanted, params={"wait": 60})
    assert got.json()["devices"] == ["GPU-0"]


async def test_a_container_gets_back_what_it_had(place: Place) -> None:
    await place.start("ada", keeps_devices=True)
    await place.ada.post("notebook-lease/release")
    assert (await place.start("grace"))["devices"] == ["GPU-0"]
    waits = (await place.acquire()).json()
    assert waits["state"] == "waiting"  # GPU-1 is free, and it cannot see it
    await place.end("grace")
    assert (await place.acquire(wait=60)).json()["devices"] == ["GPU-0"]
    await place.start("alan", 0, keeps_devices=True)
    alan = await place.api.client("alan")
    answer = await alan.post("notebook-lease/acquire", json={})
    assert "started without a GPU" in problem(answer, 409)
    lease = (await alan.get("notebook-lease")).json()
    assert "started without a GPU" in lease["unavailable"]  # which is no use to ask for


async def test_who_may_say_what(place: Place) -> None:
    for name in ("ada", "root"):
        person = await place.api.client(name)
        wanted = {"start": "t1", "gpus": 1}
        answer = await person.put("notebook-leases/ada", json=wanted)
        assert "for the hub itself" in problem(answer, 403)
        answer = await person.delete("notebook-leases/ada", params={"start": "t1"})
        assert "for the hub itself" in problem(answer, 403)
        assert (await person.get("gpus")).status_code == 200
    assert "a service's" in problem(await place.hub.get("notebook-lease"), 403)
    unknown = await place.hub.put("notebook-leases/nobody", json={"start": "t1"})
    assert "nobody called" in problem(unknown, 404)
    too_many = await place.hub.put("notebook-leases/ada", json={"start": "t1", "gpus": 3})
    assert "Needs 3 GPUs, and there are 2 GPUs" in problem(too_many, 400)
    assert "does not run" in problem(await place.acquire(), 409)
    assert "does not run" in problem(await place.ada.post("notebook-lease/release"), 409)


async def test_a_lost_gpu_is_not_offered_and_its_holder_is_told(place: Place) -> None:
    await place.start("ada")
    place.engine.devices = gpus(2)[1:]
    until = time.monotonic() + 90
    while not (mine := (await place.ada.get("notebook-lease")).json())["message"]:
        assert time.monotonic() < until
        wake(own_pipe(place.api.parts.state))
    assert mine["message"] == "Its machine lists GPU-0 no longer."
    listed = (await place.ada.get("gpus")).json()
    assert [(gpu["uuid"], gpu["lost"]) for gpu in listed] == [("GPU-1", False), ("GPU-0", True)]
    assert (await place.start("grace"))["devices"] == ["GPU-1"]
    assert (await place.start("alan"))["state"] == "waiting"


async def test_a_spawner_leases_and_gives_back(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(place.api.url.rpartition(":")[2])
    settings = make_settings(tmp_path)
    write_json(settings.state.run / PORTS_FILE, {"labdock": port})
    settings.state.admin_token.write_text(f"token-{ADMIN}\n")
    ledger = GpuLedger(settings)
    monkeypatch.setattr(gpulease, "WAIT_SECONDS", 0.0)
    assert await ledger.lease("ada", "t1", 2) == ["GPU-0", "GPU-1"]
    with pytest.raises(Conflict, match="Start without one"):
        await ledger.lease("grace", "t2", 1)
    with pytest.raises(Invalid, match="Needs 9 GPUs"):
        await ledger.lease("grace", "t2", 9)
    await ledger.give_back("ada", "t1")
    await ledger.give_back("ada", "t1")
    assert await ledger.lease("grace", "t2", 1, keeps_devices=True) == ["GPU-0"]

    write_json(settings.state.run / PORTS_FILE, {"labdock": 1})
    away = GpuLedger(settings)
    monkeypatch.setattr(gpulease, "AWAY_SECONDS", 0.0)
    assert await away.lease("ada", "t3", 0) == []
    with pytest.raises(Unavailable, match="does not answer"):
        await away.lease("ada", "t3", 1)
    await away.give_back("ada", "t3")


async def test_an_environment_without_its_gpu_says_so(place: Place) -> None:
    digest = "sha256:" + "f" * 64
    make_environment(place.api.parts.state, "tf-gpu", digest, gpu=True, default=False)

    async def listed() -> dict[str, Any]:
        found = {one["name"]: one for one in (await place.ada.get("environments")).json()}
        assert found["tf"]["unavailable"] is None
        return {name: found["tf-gpu"][name] for name in ("gpu", "unavailable")}

    wanted = {"project": "ada", "source": await send_source(place.ada), "environment": "tf-gpu"}
    assert await listed() == {"gpu": True, "unavailable": None}
    assert (await place.ada.post("snapshots", json=wanted)).status_code == 201
    place.engine.devices = ()
    assert await listed() == {"gpu": True, "unavailable": NO_GPU}
    assert NO_GPU in problem(await place.ada.post("snapshots", json=wanted), 400)


ON_A_GPU = """
    import os, time
    with open({file!r}, "a", buffering=1) as file:
        for device in os.environ["CUDA_VISIBLE_DEVICES"].split(","):
            file.write(f"+ {{device}}\\n")
        time.sleep(0.5)
        for device in os.environ["CUDA_VISIBLE_DEVICES"].split(","):
            file.write(f"- {{device}}\\n")
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment whose nvidia-smi lists what a file says."""
    programs = write_nvidia_smi(tmp_path, "GPU-0", "GPU-1")
    with deployed(tmp_path, PATH=f"{programs}:/usr/bin:/bin") as place:
        yield place


def held(place: Deployment) -> list[LeaseRow]:
    with place.store.read() as session:
        return leases.held(session)


def test_jobs_share_gpus_though_the_reconciler_is_killed(
    machine: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "uses"
    code = ON_A_GPU.format(file=str(file))
    with machine.acting() as (session, person, _project):
        row = notebooks.begin(session, person.id, "t1", 1, keeps_devices=False, now=time.time())
        who = row.person_id
    machine.start()
    eventually(lambda: held(machine))
    one, two = Resources(cpus=0.1, gpus=1), Resources(cpus=0.1, gpus=2)
    waiting = machine.submit(code, resources=two)
    others = [machine.submit(code, resources=one) for _ in range(3)]
    eventually(lambda: "in use by ada's notebook server" in machine.job(waiting).message)
    with machine.acting() as (session, _person, _project):
        notebooks.release(session, who, time.time())
    for _ in range(4):
        time.sleep(0.4)
        machine.kill()
        machine.start()
    for job in [waiting, *others]:
        assert machine.until(job, "succeeded").state == "succeeded"
    in_use: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        sign, device = line.split()
        in_use[device] += 1 if sign == "+" else -1
        assert in_use[device] in (0, 1), line
    assert set(in_use) == {"GPU-0", "GPU-1"}
    eventually(lambda: not held(machine))


def test_the_database_itself_refuses_a_second_holder(machine: Deployment) -> None:
    def lease(holder: str) -> LeaseRow:
        return LeaseRow(
            holder_kind="notebook",
            holder_id=holder,
            title=holder,
            attempt=1,
            node="local",
            cpus=0.0,
            memory=0,
            device="GPU-0",
        )

    with machine.store.write() as session:
        session.add(lease("ada"))
    with pytest.raises(IntegrityError), machine.store.write() as session:
        session.add(lease("grace"))
