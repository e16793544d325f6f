"""The short form of `make chaos`: each part of a deployment is killed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.load.chaos import judge
from tests.load.chaos_plan import STARTS, make_plan
from tests.load.chaos_run import run
from tests.support.deployment import Deployment

SEED = 3
JOBS = 12

pytestmark = pytest.mark.timeout(600)


def test_whatever_dies_no_job_is_lost(deployment: Deployment, tmp_path: Path) -> None:
    ran = run(make_plan(SEED, JOBS, training=0), deployment, tmp_path)
    found = judge(ran, deployment)
    assert not found.broken, "\n".join([*found.broken, deployment.logs()])
    assert found.jobs == JOBS
    assert found.strikes.keys() >= {"service", "reconciler", *STARTS}
