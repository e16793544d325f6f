"""A newcomer's first morning, on the deployment as it is shipped: notebook, job, curves, endpoint.

The tests of this file are one story and share its job; each looks at one thing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.deployment import CHECKOUT, Deployment, eventually
from tests.support.packages import make_wheel
from tests.support.person import Notebook, Person, Refused

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]

NOTEBOOK = "welcome/examples/01-digits/digits.ipynb"
WHERE_EINOPS_LIES = """
import os, einops
print(os.path.realpath(einops.__file__).startswith(os.path.realpath(os.environ["HOME"])))
"""
USES_EINOPS = """
import pathlib
script = pathlib.Path.home() / "uses-einops/train.py"
script.parent.mkdir()
script.write_text("import einops; print('einops', einops.__version__)")
!labdock submit {script} --follow 2>&1; echo code $?
"""
REQUEST = (CHECKOUT / "examples/01-digits/request.json").read_text()


@pytest.fixture(scope="module")
def newcomer(deployment: Deployment) -> Person:
    """Logged in, with a server."""
    person = Person(deployment, "admin")
    person.log_in(deployment.password)
    person.start_server()
    return person


@pytest.fixture(scope="module")
def notebook(newcomer: Person) -> Iterator[Notebook]:
    """The first example, every cell but the last one run."""
    with newcomer.notebook(NOTEBOOK) as opened:
        for number in range(len(opened.cells) - 1):
            result = opened.run_cell(number)
            assert not result.error, result.error
        yield opened


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> Iterator[httpx.Client]:
    """The API, with a token that the admin made."""
    made = deployment.labdock("token", "admin")
    assert made.returncode == 0, made.stderr
    headers = {"Authorization": f"token {made.stdout.strip()}"}
    with httpx.Client(
        base_url=f"{deployment.url}/services/labdock/api/", headers=headers, timeout=60
    ) as client:
        yield client


@pytest.fixture(scope="module")
def job(deployment: Deployment, notebook: Notebook, api: httpx.Client) -> dict[str, Any]:
    """What the notebook's last cell submitted, when it has ended."""
    result = notebook.run_cell(-1)
    assert not result.error, result.error
    waited = notebook.run("job = labdock.job()\nprint(job.wait().id)", seconds=400)
    assert not waited.error, waited.error + deployment.logs()
    found: dict[str, Any] = api.get(f"jobs/{waited.text.split()[-1]}").json()
    return found


@pytest.fixture(scope="module")
def endpoint(notebook: Notebook, job: dict[str, Any], deployment: Deployment) -> str:
    """The URL of the endpoint that the newcomer put the model behind."""
    assert job["models"], job
    deployed = notebook.run("endpoint = job.deploy('digits')\nprint(endpoint.url)", seconds=200)
    assert not deployed.error, deployed.error + deployment.logs()
    return deployed.text.split()[-1]


def test_a_wrong_password_does_not_let_in(deployment: Deployment) -> None:
    with pytest.raises(Refused, match="Invalid username or password"):
        Person(deployment, "admin").log_in("guessed-and-wrong")
    with pytest.raises(Refused, match="Invalid username or password"):
        Person(deployment, "admin").log_in("pässwörd")


def test_a_second_person_is_told_why_not(deployment: Deployment) -> None:
    with pytest.raises(Refused, match="This Labdock takes one person"):
        Person(deployment, "bo").log_in(deployment.password)


def test_the_home_has_examples_and_data_roots(newcomer: Person) -> None:
    home = newcomer.ask_server("GET", "contents")["content"]
    assert {"welcome", "data", "projects"} <= {item["name"] for item in home}
    example = newcomer.ask_server("GET", "contents/welcome/examples/01-digits")["content"]
    names = {item["name"] for item in example}
    assert {"README.md", "digits.ipynb", "request.json"} <= names and "verify" not in names


def test_what_pip_installs_is_the_persons_own_and_goes_into_their_jobs(
    newcomer: Person, deployment: Deployment
) -> None:
    """From a folder: a container may have no way to an index, and the service has one."""
    wheel = make_wheel("einops", deployment.state.data_roots / "data/wheels")
    with newcomer.notebook(newcomer.copy(NOTEBOOK)) as opened:
        installed = opened.run(
            "%pip install --quiet --no-index --find-links ~/data/wheels einops", seconds=300
        )
        assert not installed.error, installed.error
        where = opened.run(WHERE_EINOPS_LIES)
        submitted = opened.run(USES_EINOPS, seconds=300)
    assert where.text.strip() == "True", where.text + where.error
    assert "code 0" in submitted.text, submitted.text + deployment.logs()
    assert f"einops {wheel.name.split('-')[1]}" in submitted.text


def test_the_job_trains_on_two_workers_and_shows_it(job: dict[str, Any]) -> None:
    assert job["state"] == "succeeded"
    assert job["entry"] == "digits.ipynb"
    (attempt,) = job["attempts"]
    assert [worker["exit_code"] for worker in attempt["workers"]] == [0, 0]
    assert job["progress"]["epoch"] == job["progress"]["epochs"] == 10
    assert job["progress"]["metrics"]["accuracy"] > 0.9


def test_the_log_is_the_persons_own_output(job: dict[str, Any], api: httpx.Client) -> None:
    log = api.get(f"jobs/{job['id']}/logs").text
    assert "test accuracy: 0.9" in log
    assert "WARNING" not in log, log


def test_the_executed_notebook_is_kept(job: dict[str, Any], api: httpx.Client) -> None:
    files = {file["path"] for file in api.get(f"jobs/{job['id']}/files").json()}
    assert "digits.executed.ipynb" in files
    executed = api.get(f"jobs/{job['id']}/files/digits.executed.ipynb").json()
    outputs = json.dumps([cell.get("outputs") for cell in executed["cells"]])
    assert "test accuracy" in outputs


def test_an_unsaved_notebook_is_not_submitted(newcomer: Person) -> None:
    with newcomer.notebook(newcomer.copy(NOTEBOOK)) as opened:
        opened.run("epochs = 99", cell_id=opened.cells[0]["id"])
        result = opened.run_cell(-1)
    assert "ave the notebook first" in result.error


def test_tensorboard_shows_the_curves(newcomer: Person, job: dict[str, Any]) -> None:
    """By TensorBoard's own data route, in the browser's session, behind the hub's login."""
    address = f"/services/tensorboard/{job['project']}/data/plugin/scalars"

    as_data = {"Accept": "application/json"}

    def tags() -> dict[str, list[str]]:
        answer = newcomer.http.get(f"{address}/tags", headers=as_data)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    newcomer.http.get(f"/services/tensorboard/{job['project']}/")
    found = eventually(tags, seconds=180, what="a curve in TensorBoard")
    run = next(name for name in sorted(found) if job["id"] in name and "train" in name)
    tag = next(tag for tag in found[run] if "accuracy" in tag or "loss" in tag)
    asked = {"run": run, "tag": tag}
    points = newcomer.http.get(f"{address}/scalars", params=asked, headers=as_data).json()
    assert len(points) == 10


def test_tensorboard_is_behind_the_login(deployment: Deployment, job: dict[str, Any]) -> None:
    runs = f"{deployment.url}/services/tensorboard/{job['project']}/data/runs"
    stranger = httpx.get(runs, timeout=60)
    assert stranger.status_code in (302, 401, 403)


def test_the_endpoint_reads_a_digit(notebook: Notebook, endpoint: str) -> None:
    asked = notebook.run("print(endpoint.predict(x_test[:20]).argmax(axis=1) == y_test[:20])")
    assert not asked.error, asked.error
    assert asked.text.count("True") >= 18, asked.text
    assert endpoint.endswith("/services/endpoints/admin/digits:predict")


def test_the_endpoint_answers_as_the_notebook_did_in_the_job(
    notebook: Notebook, endpoint: str, job: dict[str, Any], api: httpx.Client
) -> None:
    """What `model.predict` gave there, what was kept with the model, and what is served."""
    del endpoint  # it is there
    log = api.get(f"jobs/{job['id']}/logs").text
    asked = notebook.run("print('sure', endpoint.predict(x_test[:8]).max(axis=1).round(3))")
    assert numbers_after("sure", asked.text) == pytest.approx(
        numbers_after("how sure it is of its guesses:", log), abs=0.0011
    )
    model = api.get(f"models/{job['models'][-1]}").json()
    assert model["check"]["state"] == "equal", model["check"]
    assert model["sample"]["inputs"].keys() == {"pixels"} and not model["sample"]["made"]
    asked = notebook.run("print(endpoint.predict(endpoint.sample()))")
    (kept,) = model["sample"]["outputs"].values()
    for served, row in zip(json.loads(asked.text), kept, strict=True):
        assert served == pytest.approx(row, abs=1e-5)


def numbers_after(words: str, text: str) -> list[float]:
    """The numbers of an array that was printed after these words."""
    return [float(number) for number in text.split(f"{words} [")[1].split("]")[0].split()]


def test_plain_http_with_a_key(notebook: Notebook, endpoint: str) -> None:
    made = notebook.run("key = endpoint.create_key()\nprint(key.secret)")
    secret = made.text.split()[-1]
    client = httpx.Client(timeout=60)
    answer = client.post(endpoint, content=REQUEST, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text
    scores = answer.json()["predictions"][0]
    assert scores.index(max(scores)) == 3
    assert answer.headers["labdock-revision"].startswith("r")
    assert client.post(endpoint, content=REQUEST).status_code == 401
    notebook.run("endpoint.revoke_key(key.id)")
    refused = client.post(endpoint, content=REQUEST, headers={"Authorization": f"Bearer {secret}"})
    assert refused.status_code == 401


def test_the_way_back_from_an_answer(
    deployment: Deployment, api: httpx.Client, endpoint: str, job: dict[str, Any]
) -> None:
    del endpoint  # it is there
    record = api.get("endpoints/admin/digits").json()
    revision = record["traffic"][0]["revision"]
    trace = deployment.labdock("trace", revision, **_as_program(deployment, api))
    assert trace.returncode == 0, trace.stderr
    for part in (job["id"], job["image"], job["snapshot"], "digits.ipynb"):
        assert part in trace.stdout


def test_the_command_line_does_the_same(
    deployment: Deployment, notebook: Notebook, api: httpx.Client, endpoint: str
) -> None:
    """In a terminal of the person's server: a script, and the endpoint."""
    del endpoint
    folder = "cd ~/welcome/examples/02-script && "
    submitted = notebook.run(
        f"!{folder}labdock submit train.py --follow -- --epochs 2 2>&1; echo code $?", seconds=300
    )
    assert "code 0" in submitted.text, submitted.text + deployment.logs()
    assert "test accuracy" in submitted.text
    asked = notebook.run("!labdock predict digits @../01-digits/request.json 2>&1")
    assert "predictions" in asked.text, asked.text
    listed = deployment.labdock("jobs", "--json", **_as_program(deployment, api))
    assert {job["state"] for job in json.loads(listed.stdout)} == {"succeeded"}


def test_several_values_are_compared(
    deployment: Deployment, newcomer: Person, notebook: Notebook, api: httpx.Client
) -> None:
    """A grid from a terminal: one image, a job a point, a table, and TensorBoard's HParams tab."""
    folder = "cd ~/welcome/examples/01-digits && "
    grid = "labdock submit digits.ipynb -p epochs=2 --grid learning_rate=0.003,0.03 --follow"
    followed = notebook.run(f"!{folder}{grid} 2>&1; echo code $?", seconds=400)
    assert "code 0" in followed.text, followed.text + deployment.logs()
    (found,) = api.get("grids").json()
    record = api.get(f"grids/{found['id']}").json()
    first, second = record["jobs"]
    assert [job["name"] for job in (first, second)] == [
        "digits learning_rate=0.003",
        "digits learning_rate=0.03",
    ]
    assert first["image"] == second["image"] and first["models"] and second["models"]
    best = notebook.run(
        "import labdock\ng = labdock.grid()\nprint(g.best('val_accuracy').id, len(g.results()))"
    )
    assert not best.error, best.error
    best_id, count = best.text.split()
    assert count == "2" and f"*  {best_id}" in followed.text
    newcomer.http.get(f"/services/tensorboard/{record['project']}/")
    route = f"/services/tensorboard/{record['project']}/data/plugin/hparams/session_groups"
    asked = {"allowedStatuses": ["STATUS_SUCCESS"], "sliceSize": 9}

    def both() -> list[dict[str, Any]]:
        answer = newcomer.http.post(route, json=asked, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        groups = answer.json()["sessionGroups"]
        of_grid = [group for group in groups if found["id"] in group["name"]]
        return of_grid if len(of_grid) == 2 else []

    groups = eventually(both, seconds=180, what="both jobs in the HParams tab")
    values = {group["hparams"]["learning_rate"] for group in groups}
    assert values == {0.003, 0.03}
    assert {group["hparams"]["batch_size"] for group in groups} == {64.0}
    metrics = {m["name"]["tag"] for group in groups for m in group["metricValues"]}
    assert {"epoch_loss", "epoch_accuracy"} <= metrics


def _as_program(deployment: Deployment, api: httpx.Client) -> dict[str, str]:
    """The variables of somebody who works from outside the hub."""
    token = api.headers["authorization"].removeprefix("token ")
    return {"LABDOCK_URL": deployment.url, "LABDOCK_TOKEN": token}
