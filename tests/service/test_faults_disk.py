"""A disk that fills up, or may only be read: what was made is kept, and it goes on with space."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.api import (
    make_job,
    make_settings,
    make_source,
    make_tar,
    problem,
    running_api,
    sha256,
)
from tests.support.disks import filled, read_only, small_disk
from tests.support.reconciling import deployed, eventually, gone

from labdock_service import diskspace
from labdock_service.deployment import Deployment, NotStarted
from labdock_service.statefolder import StateFolder

WRITES = """
    import os, pathlib, time
    pathlib.Path("result.txt").write_text("kept")
    gate = pathlib.Path(os.environ["TMPDIR"], "go")
    print("waiting", flush=True)
    while not gate.exists():
        time.sleep(0.02)
    for _ in range(100):
        print("x" * 10_000, flush=True)
"""


def test_a_disk_that_fills_up_while_a_job_runs(tmp_path: Path) -> None:
    """Neither its log, its end, its files nor the database can be written for a while."""
    with small_disk(tmp_path / "state", "32m") as disk, deployed(tmp_path) as place:
        place.start()
        job = place.submit(WRITES, max_attempts=1)
        worker = f"job-{job}-1-0"
        folder = place.state.workers / worker
        log = folder / "log"
        eventually(lambda: log.exists() and "waiting" in log.read_text())
        pid = place.worker_pid(worker)
        with filled(disk):
            (folder / "tmp/go").touch()
            eventually(lambda: gone(pid))
            assert place.job(job).state == "running"
        assert len(place.until(job, "succeeded").attempts) == 1
        assert (place.job_folder(job) / "artifacts/1/result.txt").read_text() == "kept"
        assert "output were lost" in log.read_text()


def test_nothing_new_begins_while_the_disk_is_short(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", "32m") as disk, deployed(tmp_path) as place:
        place.start()

        def waits(job: str) -> bool:
            return place.job(job).message.startswith("Waits for space on the disk")

        with filled(disk, leave=1_000_000):
            job = place.submit("raise SystemExit(1)", max_attempts=1)
            eventually(lambda: waits(job))
            assert place.job(job).state == "packaging"
        place.until(job, "failed")
        with filled(disk, leave=1_000_000):
            place.retry(job)
            eventually(lambda: waits(job))
            assert place.job(job).state == "queued"
        eventually(lambda: len(place.job(job).attempts) == 2)


def large_source() -> Any:
    """A source that the database has no room for without more of the disk."""
    files = {f"data/{number:05d}.txt": b"" for number in range(20_000)}
    return msgspec.to_builtins(make_source({"train.py": b""} | files))


async def test_the_api_says_that_the_disk_is_full_and_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", "24m") as disk:
        settings = make_settings(tmp_path).model_copy(update={"state": StateFolder(disk)})
        url = f"sqlite:///{settings.state.database}"
        settings = settings.model_copy(update={"database_url": url})
        async with running_api(tmp_path, settings) as api:
            ada = await api.client("ada")
            job = (await make_job(ada))["id"]
            content = os.urandom(1_000_000)
            tar = make_tar({sha256(content).removeprefix("sha256:"): content})
            with filled(disk):
                answer = await ada.post("blobs?project=ada", content=tar)
                assert problem(answer, 507) == diskspace.FULL
                large = {"project": "ada", "source": large_source()}
                assert problem(await ada.post("sources", json=large), 507) == diskspace.FULL
                assert (await ada.get(f"jobs/{job}")).status_code == 200
            assert (await ada.post("blobs?project=ada", content=tar)).status_code == 200


async def test_the_api_says_that_the_disk_may_only_be_read(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    async with running_api(tmp_path, settings) as api:
        ada = await api.client("ada")
        await make_job(ada)
        tar = make_tar({sha256(b"new").removeprefix("sha256:"): b"new"})
        with read_only(settings.state.root):
            answer = await ada.post("blobs?project=ada", content=tar)
            assert problem(answer, 503) == diskspace.READ_ONLY
            assert (await ada.get("jobs")).status_code == 200


def test_labdock_does_not_start_on_a_disk_with_no_space(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        settings = make_settings(tmp_path).model_copy(update={"state": StateFolder(disk)})
        Deployment(settings).check_space()
        with filled(disk, leave=15_000_000), pytest.raises(NotStarted, match=r"20.* MB or more"):
            Deployment(settings).check_space()


def test_the_admins_commands_on_a_state_folder_that_may_only_be_read(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    labdock = Path(sys.executable).with_name("labdock")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABDOCK_")}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [labdock, *command],
            env=kept | {"LABDOCK_STATE": str(state)},
            capture_output=True,
            text=True,
            check=False,
        )

    with read_only(state):
        up = run("up", "--detach")
        assert (up.returncode, up.stdout) == (2, "")
        assert "'state' cannot be written (Read-only file system)" in up.stderr
        doctor = run("doctor")
        assert doctor.returncode == 2 and "Read-only file system" in doctor.stdout
        down = run("down")
        assert (down.returncode, down.stdout) == (0, "Labdock does not run.\n")
