"""Environments that failed here, by their `verify` or by a scan: nobody can choose them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import (
    Api,
    make_environment,
    make_settings,
    problem,
    running_api,
    send_source,
)
from tests.support.invented import WithGpus

from labdock_service.engines.toolkit import NO_TOOLKIT
from labdock_service.hubclient import ADMIN
from labdock_service.images.scanning import read_report
from labdock_service.jsonfile import write_json
from labdock_service.linux import host_name
from labdock_service.partports import PORTS_FILE
from labdock_service.people.gpulease import GpuLedger, Gpus
from labdock_service.sections import IgnoredFinding, ImagesSettings
from labdock_service.settings import Settings
from labdock_service.store import verifications

REPORTS = Path(__file__).parents[1] / "images/reports"
NOTEBOOK, TRAINING = "sha256:" + "1" * 64, "sha256:" + "2" * 64
DIGEST = "sha256:" + "3" * 64
PASSED = {"check": "XLA", "passed": True, "said": "compiled and equal"}
FAILED = {"check": "pip check", "passed": False, "said": "keras needs numpy, which is missing."}
NOT_RUN = {"check": "NCCL all-reduce", "passed": None, "said": "not run: no GPU"}


@dataclass
class Place:
    """The API with an environment `tf` that runs anywhere, and `images`, a pair of images."""

    api: Api
    ada: httpx.AsyncClient
    hub: httpx.AsyncClient

    def keep(self, *checks: dict[str, Any], image: str = TRAINING, node: str = "") -> None:
        with self.api.parts.store.write() as session:
            verifications.keep(session, image, node or host_name(), checks, time.time())

    def scanned(self, report: str) -> None:
        found = read_report(REPORTS / report)
        with self.api.parts.store.write() as session:
            verifications.keep_scan(session, NOTEBOOK, found.scanner, found.findings, time.time())

    async def listed(self) -> dict[str, Any]:
        found = {one["name"]: one for one in (await self.ada.get("environments")).json()}
        assert found["tf"]["unavailable"] is None and found["tf"]["verified"]
        images: dict[str, Any] = found["images"]
        return images

    async def offered(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.hub.get("server-offer")).json()
        return answer

    async def snapshot(self) -> httpx.Response:
        source = await send_source(self.ada)
        wanted = {"project": "ada", "source": source, "environment": "images"}
        return await self.ada.post("snapshots", json=wanted)


@pytest.fixture
def policy() -> ImagesSettings:
    return ImagesSettings()


@pytest.fixture
async def place(tmp_path: Path, policy: ImagesSettings) -> AsyncIterator[Place]:
    settings = make_settings(tmp_path, images=policy)
    names = {
        "notebook": f"registry:5000/labdock/notebook@{NOTEBOOK}",
        "training": f"registry:5000/labdock/training@{TRAINING}",
    }
    make_environment(settings.state, "images", DIGEST, default=False, **names)
    async with running_api(tmp_path, settings) as api:
        yield Place(api, await api.client("ada"), await api.client(ADMIN))


async def test_what_was_not_verified_yet_is_said_and_may_be_chosen(place: Place) -> None:
    listed = await place.listed()
    assert (listed["unavailable"], listed["verified"]) == (None, False)
    assert (await place.offered())["unverified"] == [DIGEST]
    assert (await place.snapshot()).status_code == 201
    place.keep(PASSED, image=NOTEBOOK)
    place.keep(PASSED, NOT_RUN)
    listed = await place.listed()
    assert (listed["unavailable"], listed["verified"]) == (None, True)
    assert (await place.offered())["unverified"] == []


async def test_what_failed_here_cannot_be_chosen_until_it_passes(place: Place) -> None:
    before = (await place.snapshot()).json()["id"]
    place.keep(PASSED, FAILED, {**FAILED, "check": "imports"})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    why = (
        f"It failed its verification on {host_name()} on {today}: pip check: keras needs numpy, "
        "which is missing; and 1 more. Choose another environment; an admin mends this one and "
        "runs `labdock images verify`."
    )
    assert (await place.listed())["unavailable"] == why
    assert (await place.offered())["unavailable"] == {DIGEST: why}
    assert problem(await place.snapshot(), 400) == f"images: {why}"
    for path, body in (
        ("jobs", {"snapshot": before}),
        ("grids", {"job": {"snapshot": before}, "grid": {"--a": [1]}}),
    ):
        assert why in problem(await place.ada.post(path, json=body), 400)
    place.keep(PASSED, NOT_RUN)
    assert (await place.listed())["unavailable"] is None
    assert (await place.ada.post("jobs", json={"snapshot": before})).status_code == 201


async def test_what_failed_elsewhere_is_nothing_to_this_machine(place: Place) -> None:
    place.keep(FAILED, node="another")
    listed = await place.listed()
    assert (listed["unavailable"], listed["verified"]) == (None, False)


async def test_a_scan_keeps_out_as_a_failure_does(place: Place) -> None:
    place.scanned("grype.json")  # its gravest is high, and the policy's least is critical
    assert (await place.listed())["unavailable"] is None
    place.scanned("trivy.json")
    why = (await place.listed())["unavailable"]
    assert "CVE-2019-18224 (critical) in libidn2-0 2.0.5-1, mended in 2.0.5-1+deb10u1" in why
    assert "Choose another environment" in why and "[images.ignore]" in why
    assert (await place.offered())["unavailable"] == {DIGEST: why}
    assert problem(await place.snapshot(), 400) == f"images: {why}"


IGNORED = {
    "CVE-2019-18224": IgnoredFinding(
        until=date.today() + timedelta(days=1), reason="Nothing here reads such names."
    )
}
OVER = {
    "CVE-2019-18224": IgnoredFinding(
        until=date.today() - timedelta(days=2), reason="Nothing here reads such names."
    )
}


@pytest.mark.parametrize(
    ("policy", "passes"),
    [(ImagesSettings(ignore=IGNORED), True), (ImagesSettings(ignore=OVER), False)],
)
async def test_a_finding_passes_until_its_day_without_another_scan(
    place: Place, passes: bool
) -> None:
    place.scanned("trivy.json")
    assert ((await place.listed())["unavailable"] is None) == passes


async def test_only_the_hub_asks_what_it_may_offer(place: Place) -> None:
    assert "for the hub itself" in problem(await place.ada.get("server-offer"), 403)


def at_port(settings: Settings, port: int) -> None:
    """Have the hub's part find the service there."""
    settings.state.run.mkdir(parents=True, exist_ok=True)
    write_json(settings.state.run / PORTS_FILE, {"labdock": port})
    settings.state.admin_token.write_text(f"token-{ADMIN}\n")


class WithoutToolkit(WithGpus):
    """A machine with GPUs whose Docker cannot give them to containers."""

    def why_no_gpu(self) -> str | None:
        return super().why_no_gpu() or NO_TOOLKIT


async def test_gpus_that_docker_cannot_give_away_are_not_offered(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    make_environment(settings.state, "cuda", DIGEST, default=False, gpu=True)
    async with running_api(tmp_path, settings, WithoutToolkit(settings.state)) as api:
        hub, ada = await api.client(ADMIN), await api.client("ada")
        at_port(settings, int(api.url.rpartition(":")[2]))
        offered = await GpuLedger(settings).offered()
        assert offered.gpus == Gpus(total=0, free=0, problem=NO_TOOLKIT)
        assert offered.unavailable == {DIGEST: NO_TOOLKIT}
        start = await hub.put("notebook-leases/ada", json={"start": "t1", "gpus": 1})
        assert problem(start, 400) == NO_TOOLKIT
        wanted = {"project": "ada", "source": await send_source(ada)}
        snapshot = (await ada.post("snapshots", json=wanted)).json()["id"]
        body = {"snapshot": snapshot, "resources": {"gpus": 1}}
        assert problem(await ada.post("jobs", json=body), 400) == NO_TOOLKIT


async def test_a_service_that_is_away_keeps_nobody_from_starting(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    at_port(settings, 1)
    offered = await GpuLedger(settings).offered()
    assert (offered.gpus, offered.unavailable, offered.unverified) == (Gpus(), {}, ())
