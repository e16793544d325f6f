"""How a notebook shows a job: widgets for somebody who looks, lines of text where nobody does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.clients import Hand, RunningService, running_service, wait_for
from tests.support.notebooks import (
    JupyterServer,
    Session,
    jupyter_server,
    kernel_environ,
    run_headless,
    write_notebook,
)
from tests.support.runtime import write_notebook as write_tagged

from labdock.schema import Failure, Progress

Outputs = list[dict[str, Any]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture(scope="module")
def environ(service: RunningService, tensorflow_python: Path) -> dict[str, str]:
    return kernel_environ(service, tensorflow_python)


@pytest.fixture(scope="module")
def jupyter(
    environ: dict[str, str], tensorflow_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    folder = tmp_path_factory.mktemp("jupyter")
    with jupyter_server(tensorflow_python, folder, environ) as server:
        yield server


@pytest.fixture
def opened(jupyter: JupyterServer) -> Iterator[Session]:
    file = write_notebook(jupyter.root / "digits.ipynb", "import labdock")
    session = jupyter.open(file)
    yield session
    session.shut()


def play(service: RunningService, hand: Hand, name: str, text: str) -> threading.Thread:
    """Run the job of this name once it is there: a line, an epoch, a model, the end."""

    def run() -> None:
        client = service.client()
        wait_for(lambda: [job for job in client.jobs(limit=1) if job.name == name])
        job_id = client.jobs(limit=1)[0].id
        hand.write(hand.run(job_id), text)
        hand.progress(job_id, Progress(epoch=1, epochs=2, metrics={"loss": 0.5}))
        hand.save_model(job_id)
        hand.end(job_id)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def values(outputs: Outputs, field: str = "value") -> list[Any]:
    """What the widgets' states said, in order."""
    return [one["state"][field] for one in outputs if field in one.get("state", {})]


def test_a_job_is_shown_by_widgets_while_it_runs(
    service: RunningService, hand: Hand, opened: Session
) -> None:
    playing = play(service, hand, "shown", "<script>alert(1)</script> in the log")
    outputs = opened.run(
        "import labdock",
        "job = labdock.train(name='shown')\nprint('not blocked')",
        until="in the log",
    )
    playing.join()
    assert "not blocked" in json.dumps(outputs)
    outputs += opened.run("job.wait()")
    kinds = {one["kind"] for one in outputs}
    assert {"display_data", "comm_open", "comm_msg", "update_display_data"} <= kinds
    assert "<script>" not in json.dumps(outputs)
    texts = [value for value in values(outputs) if isinstance(value, str)]
    assert any("&lt;script&gt;alert(1)" in text for text in texts)
    assert any(
        "TensorBoard" in text and 'href="/services/tensorboard/ada/"' in text for text in texts
    )


def test_the_headline_stays_in_the_notebook(
    service: RunningService, hand: Hand, opened: Session
) -> None:
    playing = play(service, hand, "kept", "a line")
    outputs = opened.run("import labdock", "job = labdock.train(name='kept')", until="succeeded")
    playing.join()
    shown = [one for one in outputs if one["kind"] == "display_data"]
    headline = shown[0]["transient"]["display_id"]
    updates = [
        one["data"]["text/html"]
        for one in outputs
        if one["kind"] == "update_display_data" and one["transient"]["display_id"] == headline
    ]
    assert updates[-1].startswith("<b>kept · j") and "succeeded after" in updates[-1]
    assert "loss 0.5" in updates[-1]


def test_an_end_that_nobody_saw_is_said_after_the_next_cell(
    service: RunningService, hand: Hand, opened: Session
) -> None:
    said = "Job unseen succeeded after"
    playing = play(service, hand, "unseen", "a line")
    opened.run("import labdock", "job = labdock.train(name='unseen')", until="succeeded")
    playing.join()
    wait_for(lambda: any(said in one.get("text", "") for one in opened.run("pass")))
    assert said not in json.dumps(opened.run("pass"))
    playing = play(service, hand, "seen", "a line")
    opened.run("labdock.submit('digits.ipynb', name='seen', wait=True)")
    playing.join()
    assert "Job seen succeeded" not in json.dumps(opened.run("pass"))


def test_a_cell_that_ends_with_a_job_shows_it_once(opened: Session) -> None:
    def shown(*cells: str) -> list[str]:
        outputs = opened.run(*cells)
        data = [one["data"] for one in outputs if one["kind"] == "display_data"]
        assert "execute_result" not in {one["kind"] for one in outputs}
        return [kind for kinds in data for kind in kinds if "widget-view" in kind]

    assert len(shown("import labdock\nlabdock.train(name='once')")) == 1
    assert len(shown("labdock.job()")) == 1


def test_the_buttons_stop_and_deploy(service: RunningService, hand: Hand, opened: Session) -> None:
    start = (
        "from labdock import widgets, running\n"
        "view = widgets.WidgetView()\n"
        "from labdock.watching import show\n"
        "job = labdock.submit('digits.ipynb', name='pressed')\n"
        "show(job, view)"
    )
    opened.run("import labdock", start)
    client = service.client()
    job_id = client.jobs(limit=1)[0].id
    opened.run("view.controls.stop.click()")
    wait_for(lambda: client.job(job_id).target == "stopped")
    hand.run(job_id)
    hand.save_model(job_id)
    hand.end(job_id, "stopped")
    opened.run("view.controls.name.value = 'pressed'", "view.controls.deploy.click()")
    wait_for(lambda: client.endpoints())
    assert client.endpoints()[0].name == "pressed"


def test_another_workers_log_is_a_click_away(
    service: RunningService, hand: Hand, opened: Session
) -> None:
    start = (
        "from labdock import widgets\n"
        "view = widgets.WidgetView()\n"
        "from labdock.watching import show\n"
        "job = labdock.submit('digits.ipynb', name='gang', workers=2)\n"
        "show(job, view)"
    )
    opened.run("import labdock", start)
    job_id = service.client().jobs(limit=1)[0].id
    chief = hand.run(job_id, workers=2)
    hand.write(chief, "written by the chief")
    hand.write(chief[:-1] + "1", "written by the other")
    look = "print(view._logs.widget.children[1].value)"
    wait_for(lambda: "written by the chief" in opened.text(look))
    opened.run("view._logs._whose.value = 1")
    wait_for(lambda: "written by the other" in opened.text(look))
    assert "written by the chief" not in opened.text(look)
    hand.end(job_id)


def test_a_grid_is_a_table_that_stays_and_buttons(
    service: RunningService, hand: Hand, opened: Session, jupyter: JupyterServer
) -> None:
    tagged = "note = 'a'\nlr = 0.1"
    write_tagged(jupyter.root / "tagged.ipynb", "print(lr)", parameters=tagged)
    start = (
        "from labdock.gridwatching import show_grid\n"
        "from labdock.gridwidgets import GridWidgetView\n"
        "view = GridWidgetView()\n"
        "grid = labdock.submit('tagged.ipynb', grid={'note': ['<b>', 'b'], 'lr': {1, 2}})\n"
        "show_grid(grid, view)"
    )
    shown = opened.run("import labdock", start, until="4 packaging")
    client = service.client()
    grid_id = client.grids(limit=1)[0].id
    jobs = client.grid(grid_id).jobs
    link = f'href="/services/tensorboard/ada/?runFilter={grid_id}"'
    assert any(link in str(value) for value in values(shown))
    hand.run(jobs[1].id)
    hand.progress(jobs[1].id, Progress(metrics={"val_accuracy": 0.75}))
    hand.save_model(jobs[1].id)
    hand.end(jobs[1].id)
    hand.change(jobs[1].id, "succeeded", warnings=["Cell 2 calls <urandom>."])
    outputs = opened.run("pass", until="0.75")
    kept = [one["data"]["text/html"] for one in outputs if one["kind"] == "update_display_data"][-1]
    assert f'<tr style="font-weight:bold"><td>*</td><td>{jobs[1].id}</td><td>&lt;b&gt;</td>' in kept
    said = opened.run("print('SAID', view._troubles.value)", until="&lt;urandom&gt;")
    assert f"({jobs[1].id})" in json.dumps(said)
    opened.run("view.controls.name.value = 'best'", "view.controls.deploy.click()")
    wait_for(lambda: [one for one in client.endpoints() if one.name == "best"])
    opened.run("view.controls.stop.click()")
    wait_for(lambda: client.job(jobs[0].id).target == "stopped")


def test_a_mistake_in_a_notebook_is_one_sentence(opened: Session) -> None:
    (error,) = [
        one
        for one in opened.run("import labdock\nlabdock.submit('missing.py')")
        if one["kind"] == "error"
    ]
    assert error["traceback"] == [
        "Mistake: There is no file missing.py: give the path of a notebook or script."
    ]


def test_without_a_front_end_a_job_is_lines_of_text(
    service: RunningService,
    hand: Hand,
    environ: dict[str, str],
    tensorflow_python: Path,
    tmp_path: Path,
) -> None:
    train = "job = labdock.train(name='headless', wait=True)"
    notebook = write_notebook(tmp_path / "n.ipynb", "import labdock", train, "print(job.state)")
    playing = play(service, hand, "headless", "a line of the log")
    outputs = run_headless(tensorflow_python, notebook, environ)
    playing.join()
    assert {output["output_type"] for output in outputs} == {"stream"}
    text = "".join("".join(output["text"]) for output in outputs)
    assert "headless · j" in text and "\na line of the log\n" in text
    assert text.strip().endswith("succeeded")


def test_a_failed_job_fails_the_cell_that_waits_for_it(
    service: RunningService,
    hand: Hand,
    environ: dict[str, str],
    tensorflow_python: Path,
    tmp_path: Path,
) -> None:
    train = "import labdock\nlabdock.train(name='failing', wait=True)"
    notebook = write_notebook(tmp_path / "n.ipynb", train)

    def fail() -> None:
        client = service.client()
        wait_for(lambda: [job for job in client.jobs(limit=1) if job.name == "failing"])
        job_id = client.jobs(limit=1)[0].id
        hand.run(job_id)
        hand.end(job_id, "failed", Failure(reason="Cell 2 failed.", traceback="  x = 1/0\nOops"))

    failing = threading.Thread(target=fail)
    failing.start()
    outputs = run_headless(tensorflow_python, notebook, environ)
    failing.join()
    (error,) = [output for output in outputs if output["output_type"] == "error"]
    assert error["ename"] == "JobFailed"
    assert error["traceback"] == ["  x = 1/0", "Oops", "JobFailed: Cell 2 failed."]
