"""A deployment with a job, a model, an endpoint and a secret: backed up, restored, upgraded."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import CHECKOUT, Deployment, eventually, new_deployment
from tests.support.person import Person

from labdock_service.folders import delete_folder
from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]

TRAIN = """
import os
import keras
import numpy as np

assert os.environ["TOKEN_OF_OURS"] == "hush-hush-hush"
print("HOME", os.path.exists(os.path.expanduser("~/data/kept.txt")))
x = np.arange(64.0).reshape(16, 4) / 64
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x.sum(1), verbose=0)
model.save("line.keras")
"""
LASTING = """
import os
import sys
import time

while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
"""
NEWER = '''"""What a newer version needs."""

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{last}"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.add_column("jobs", sa.Column("of_the_future", sa.Text(), nullable=True))
'''
CODE = ("extensions", "images", "examples", "jupyterhub_config.py", "labdock.toml")


@dataclass
class Populated:
    """A deployment, and what was done in it."""

    deployment: Deployment
    job: str
    answer: Any

    def ask(self, deployment: Deployment, *arguments: str) -> Any:
        """A command of a person's, its answer as JSON."""
        done = deployment.labdock(*arguments, "--json", **program(deployment))
        assert done.returncode == 0, done.stdout + done.stderr + deployment.logs()
        return json.loads(done.stdout)

    def is_in(self, deployment: Deployment) -> None:
        """Everything is there, and what shall answer does."""
        assert look(deployment, self.job)["state"] == "succeeded"
        (model,) = self.ask(deployment, "models")
        assert (model["job"], [item["name"] for item in self.ask(deployment, "secrets")]) == (
            self.job,
            ["TOKEN_OF_OURS"],
        )
        assert "HOME" in deployment.labdock("logs", self.job, **program(deployment)).stdout
        eventually(lambda: predicts(deployment), seconds=120, what="the endpoint's answer")
        assert self.ask(deployment, "predict", "line", "--sample") == self.answer


TOKENS: dict[str, str] = {}
"""By state folder: a token is good for as long as the hub's database is kept."""


def program(deployment: Deployment) -> dict[str, str]:
    place = str(deployment.state.root)
    if place not in TOKENS:
        made = deployment.labdock("token", "admin")
        assert made.returncode == 0, made.stderr + deployment.logs()
        TOKENS[place] = made.stdout.strip()
    return {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": TOKENS[place]}


def predicts(deployment: Deployment) -> bool:
    asked = deployment.labdock("predict", "line", "--sample", **program(deployment))
    return asked.returncode == 0


def look(deployment: Deployment, job: str) -> dict[str, Any]:
    """A job's record."""
    done = deployment.labdock("show", job, "--json", **program(deployment))
    assert done.returncode == 0, done.stdout + done.stderr + deployment.logs()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def submit(deployment: Deployment, name: str, code: str, *words: str) -> str:
    """A job of a script of these lines; its id."""
    script = deployment.state.root.parent / name / "train.py"
    script.parent.mkdir()
    script.write_text(code)
    done = deployment.labdock("submit", str(script), "--json", *words, **program(deployment))
    assert done.returncode == 0, done.stdout + done.stderr + deployment.logs()
    return str(json.loads(done.stdout)["id"])


def train(deployment: Deployment, name: str) -> str:
    """A job that has trained a model; its id."""
    job = submit(deployment, name, TRAIN, "--secret", "TOKEN_OF_OURS")
    ended = eventually(lambda: over(deployment, job), seconds=300, what="the job's end")
    assert ended["state"] == "succeeded", ended
    return job


def over(deployment: Deployment, job: str) -> dict[str, Any]:
    record = look(deployment, job)
    return record if record["ended"] else {}


def runs(deployment: Deployment, job: str, attempt: int) -> bool:
    record = look(deployment, job)
    return record["state"] == "running" and len(record["attempts"]) == attempt


@pytest.fixture(scope="module")
def populated(
    prepared: StateFolder,
    environment: Path,
    labdock_proxy: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Populated]:
    """Made once: each test leaves it as it was."""
    del environment, labdock_proxy
    made = new_deployment(prepared, tmp_path_factory.mktemp("populated"))
    try:
        made.up()
        person = Person(made, "admin")
        person.log_in(made.password)
        person.start_server()
        (made.state.data_roots / "data/kept.txt").write_text("kept")
        secret = made.labdock(
            "secrets", "set", "TOKEN_OF_OURS", given="hush-hush-hush", **program(made)
        )
        assert secret.returncode == 0, secret.stderr
        job = train(made, "first")
        deployed = made.labdock("deploy", job, "--endpoint", "line", **program(made))
        assert deployed.returncode == 0, deployed.stderr + made.logs()
        there = Populated(made, job, None)
        there.answer = there.ask(made, "predict", "line", "--sample")
        yield there
    finally:
        made.sweep()


@pytest.fixture
def elsewhere(prepared: StateFolder, tmp_path: Path) -> Iterator[Deployment]:
    """Another machine: a state folder of its own, with nothing in it but what `up` installs."""
    made = new_deployment(prepared, tmp_path)
    try:
        yield made
    finally:
        made.sweep()
        delete_folder(made.state.root)  # the environments in it are large


def refused(deployment: Deployment, *arguments: str) -> str:
    """What a command that refuses says."""
    done = deployment.labdock(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    (sentence,) = done.stderr.strip().splitlines()
    return sentence


def test_a_backup_of_a_running_deployment_comes_up_elsewhere(
    populated: Populated, elsewhere: Deployment, tmp_path: Path
) -> None:
    file, go = tmp_path / "all.tar", tmp_path / "go"
    lasting = submit(populated.deployment, "lasting", LASTING, "--", str(go))
    eventually(lambda: runs(populated.deployment, lasting, 1), seconds=120, what="a job")
    made = populated.deployment.labdock("backup", "--homes", str(file))
    assert made.returncode == 0, made.stdout + made.stderr
    assert oct(file.stat().st_mode)[-3:] == "600"
    assert "is there already" in refused(populated.deployment, "backup", str(file))
    assert "Labdock runs here" in refused(populated.deployment, "restore", str(file))
    (elsewhere.state.root / "environments").unlink()  # they come with the backup
    restored = elsewhere.labdock("restore", str(file))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    file.unlink()
    elsewhere.up()
    populated.is_in(elsewhere)
    eventually(lambda: runs(elsewhere, lasting, 2), seconds=120, what="the job's next attempt")
    assert runs(populated.deployment, lasting, 1)
    go.touch()
    for deployment in (elsewhere, populated.deployment):
        ended = eventually(lambda: over(deployment, lasting), seconds=120, what="its end")  # noqa: B023
        assert ended["state"] == "succeeded"
    assert elsewhere.password == populated.deployment.password
    person = Person(elsewhere, "admin")
    person.log_in(elsewhere.password)
    person.start_server()
    names = {item["name"] for item in person.ask_server("GET", "contents/data")["content"]}
    assert names == {"kept.txt"}
    new = submit(elsewhere, "second", LASTING, "--", str(go))
    eventually(lambda: over(elsewhere, new), seconds=120, what="the end of a new job")
    populated.is_in(populated.deployment)


def test_an_upgrade_keeps_everything_and_has_a_way_back(
    populated: Populated, tmp_path: Path
) -> None:
    deployment = populated.deployment
    deployment.down()
    newer = newer_version(tmp_path)
    up = deployment.labdock("up", "--detach", **newer)
    assert up.returncode == 0, up.stdout + up.stderr + deployment.logs()
    (kept,) = deployment.state.backups.iterdir()
    assert kept.name in up.stdout and kept.name.startswith("before-upgrade-")
    populated.is_in(deployment)
    assert version(deployment) == "9000"
    assert deployment.labdock("down", **newer).returncode == 0
    assert "is of a newer Labdock" in refused(deployment, "up", "--detach")
    assert "There is a deployment here already" in refused(deployment, "restore", str(kept))
    back = deployment.labdock("restore", "--force", str(kept))
    assert back.returncode == 0, back.stdout + back.stderr
    (aside,) = deployment.state.replaced.iterdir()
    assert aside.name in back.stdout and (aside / "labdock.sqlite").exists()
    deployment.up()
    populated.is_in(deployment)
    assert version(deployment) < "9000"


def newer_version(folder: Path) -> dict[str, str]:
    """A copy of the checkout with one more migration; the variables that run it."""
    for name in CODE:
        source = CHECKOUT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / "newer" / name)
    versions = folder / "newer/extensions/labdock-service/labdock_service/store/migrations/versions"
    last = max(file.name[:4] for file in versions.glob("*.py"))
    (versions / "9000_of_the_future.py").write_text(NEWER.format(last=last))
    packages = [str(package) for package in (folder / "newer/extensions").iterdir()]
    return {
        "PYTHONPATH": ":".join(packages),
        "LABDOCK_SETTINGS": str(folder / "newer/labdock.toml"),
    }


def version(deployment: Deployment) -> str:
    with sqlite3.connect(deployment.state.database) as database:
        (found,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)
