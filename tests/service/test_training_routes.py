"""What JupyterLab's Train dialog asks of a person's own server, beside `labdock.train()` there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import Api, api_in_thread
from tests.support.labserver import TOKEN, lab_server, printed_by

from labdock import sse

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {"tags": ["parameters"]},
            "source": "epochs = 10\nrate = 0.01\nname: str = 'first'",
        },
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "import helpers"},
    ],
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@dataclass
class Desk:
    """Ada's server, the folder that it shows, and the API behind it."""

    server: httpx.Client
    home: Path
    api: Api

    def get(self, route: str, **query: str) -> httpx.Response:
        return self.server.get(f"labdock/training/{route}", params=query)

    def post(self, route: str, body: object) -> httpx.Response:
        return self.server.post(f"labdock/training/{route}", json=body)

    def submit(self, **request: Any) -> list[tuple[str, dict[str, Any]]]:
        """The events of a submission."""
        answer = self.post("jobs", {"path": "work/digits.ipynb"} | request)
        assert answer.status_code == 200, answer.text
        return [(one.event, json.loads(one.data)) for one in sse.messages([answer.content])]

    def refused(self, **request: Any) -> tuple[str, str]:
        """The field and the sentence of a submission that is refused."""
        event, problem = self.submit(**request)[-1]
        assert event == "error", problem
        return problem["field"], problem["detail"]

    def run(self, notebook: str, code: str) -> str:
        """What a new kernel of a notebook prints."""
        body = {"path": notebook, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        kernel = self.server.post("api/sessions", json=body).json()["kernel"]["id"]
        return printed_by(kernel, code, self.home.parent)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, tensorflow_python: Path) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with (
        api_in_thread(folder) as api,
        lab_server(folder, tensorflow_python, LABDOCK_URL=api.url) as server,
    ):
        work = folder / "home/work"
        work.mkdir()
        (work / "digits.ipynb").write_text(json.dumps(NOTEBOOK))
        (work / "helpers.py").write_text("import requests_that_nobody_has\n")
        (work / "data.csv").write_text("1,2\n" * 1000)
        (work / ".env").write_text("PASSWORD=x\n")
        yield Desk(server, folder / "home", api)


def test_what_lies_there(desk: Desk) -> None:
    found = desk.get("entry", path="work/digits.ipynb").json()
    assert (found["kind"], found["entries"]) == ("notebook", [])
    kinds = [(one["name"], one["kind"], one["default"]) for one in found["parameters"]]
    assert kinds == [("epochs", "int", 10), ("rate", "float", 0.01), ("name", "str", "first")]
    folder = desk.get("entry", path="work").json()
    assert (folder["kind"], folder["entries"]) == ("folder", ["digits.ipynb", "helpers.py"])
    assert desk.get("entry", path="work/helpers.py").json()["kind"] == "script"
    for path in ("work/nothing.ipynb", "work/data.csv", "../etc", "work/../../x.py"):
        answer = desk.get("entry", path=path)
        assert (answer.status_code, set(answer.json())) == (404, {"error", "detail", "field"})
    (desk.home / "work/empty").mkdir()
    answer = desk.get("entry", path="work/empty")
    assert (answer.status_code, answer.json()["field"]) == (400, "path")
    assert httpx.get(f"{desk.server.base_url}labdock/training/entry").status_code == 403


def test_what_would_be_in_the_image(desk: Desk) -> None:
    found = desk.get("preview", path="work/digits.ipynb").json()
    assert found["files"][0]["path"] == "data.csv"
    assert (found["count"], found["size"] > 4000) == (3, True)
    assert {"path": ".env", "reason": "a secret"} in found["left_out"]
    assert "requests_that_nobody_has" in found["warnings"][0]
    assert found["requirements"] == {"lines": [], "origin": "none"}
    answer = desk.get("preview", path="work/digits.ipynb", environment="gone")
    assert (answer.status_code, answer.json()["field"]) == (400, "environment")


def test_what_was_typed_is_read_as_the_command_line_reads_it(desk: Desk) -> None:
    typed = {"epochs": "many", "rate": "1e-3", "name": "7"}
    request = {"path": "work/digits.ipynb", "parameters": typed}
    assert desk.post("check", request).json() == [
        {
            "field": "parameters.epochs",
            "detail": "epochs is a whole number (default 10): give it as 20, not many.",
        }
    ]
    request = {"path": "work/helpers.py", "arguments": "--name 'x"}
    assert [one["field"] for one in desk.post("check", request).json()] == ["arguments"]
    assert desk.post("check", {"path": ["x"]}).status_code == 400
    job = desk.submit(parameters=typed | {"epochs": "20"})[-1][1]
    assert job["parameters"] == {"epochs": 20, "rate": 0.001, "name": "7"}


def test_a_mistake_is_said_at_its_field(desk: Desk) -> None:
    assert desk.refused(parameters={"epochs": "x"})[0] == "parameters.epochs"
    assert desk.refused(environment="gone")[0] == "environment"
    assert desk.refused(project="nobodys")[0] == "project"
    assert desk.refused(name="two\nlines")[0] == "name"
    assert desk.refused(secrets=["NOT_THERE"])[0] == "secrets"
    assert desk.refused(resources={"gpus": 60})[0] == "resources"
    assert desk.refused(workers=0)[0] == "workers"


def test_the_dialog_and_train_submit_the_same_to_the_byte(desk: Desk) -> None:
    seen = desk.get("preview", path="work/digits.ipynb").json()["source"]
    events = desk.submit(workers=2)
    names = [name for name, _ in events]
    assert (names[0], names[-1], set(names)) == ("step", "job", {"step", "job"})
    asked = events[-1][1]

    code = "import labdock; job = labdock.train(workers=2); print(); print(job.id)"
    printed = desk.run("work/digits.ipynb", code)
    headers = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=f"{desk.api.url}/services/labdock/api/", headers=headers) as hub:
        trained = hub.get(f"jobs/{printed.split()[-1]}").json()
        snapshot = hub.get(f"snapshots/{asked['snapshot']}").json()
    assert snapshot["source"] == seen
    same = ("snapshot", "name", "workers", "resources", "parameters", "arguments", "time_limit")
    assert {name: asked[name] for name in same} == {name: trained[name] for name in same}
