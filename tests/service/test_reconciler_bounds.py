"""Jobs that go to the bounds of what folders and memory hold, under the reconciler."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service.test_reconciler import ENGINES
from tests.support.reconciling import Deployment, eventually

from labdock.schema import Resources
from labdock_service.folders import delete_folder


@pytest.mark.parametrize("engine", ENGINES)
def test_folders_in_folders_trouble_nobody(engine: str, tmp_path: Path) -> None:
    with ENGINES[engine](tmp_path) as place:
        place.start()
        leave_folders_in_folders(place)


def leave_folders_in_folders(place: Deployment) -> None:
    job = place.submit(
        """
        import os
        for place in (os.getcwd(), os.environ["LABDOCK_CHECKPOINTS"]):
            os.chdir(place)
            for _ in range(1500):
                os.mkdir("d")
                os.chdir("d")
            open("file", "w").close()
        """
    )
    place.until(job, "succeeded")
    eventually(lambda: not (place.state.workers / f"job-{job}-1-0" / "code").exists())
    delete_folder(place.job_folder(job))


@pytest.mark.parametrize("engine", ENGINES)
def test_no_limit_of_its_own_is_that_of_all_together(engine: str, tmp_path: Path) -> None:
    with ENGINES[engine](tmp_path) as place:
        place.settings["LABDOCK_LIMITS__MEMORY"] = "300MB"
        place.start()
        job = place.submit(
            "import time; held = b'x' * 700_000_000; time.sleep(600)", resources=Resources(memory=0)
        )
        assert "memory" in place.until(job, "failed").message
