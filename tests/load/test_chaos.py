"""The short form of `make chaos`: each part of a deployment is killed once.

No job of it trains, which takes too long here: results and curves of training that was cut off are
audited by `make chaos` alone.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.load.chaos import judge
from tests.load.chaos_audit import TRAINED
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


@pytest.mark.tensorflow
def test_training_that_nobody_disturbs_comes_to_what_is_audited(
    tensorflow_python: Path, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("scripts") / "fit.py"
    command = [str(tensorflow_python), str(script), "--epochs", "8", "--pause", "0"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    value = json.loads((tmp_path / "result.json").read_text())["value"]
    assert value == pytest.approx(TRAINED, abs=1e-4)
