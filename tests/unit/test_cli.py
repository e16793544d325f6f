"""The command line against the real service, as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.support.clients import (
    DEADLINE,
    Hand,
    RunningService,
    running_service,
    submit,
    wait_for,
)
from tests.support.command_line import Run, packaged, running_commands

from labdock.cli import ADMIN, SECTIONS, cli
from labdock.running import Job
from labdock.schema import Failure, Progress
from labdock.serving import newest
from labdock.wording import duration


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture(autouse=True)
def environ(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABDOCK_URL", service.url)
    monkeypatch.setenv("LABDOCK_TOKEN", "token-ada")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    with running_commands(capsys) as run:
        yield run


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "train.py"
    file.write_text("print('hello')")
    return file


@pytest.fixture
def job(service: RunningService, hand: Hand, tmp_path: Path) -> Job:
    job = submit(service.client(), tmp_path)
    worker = hand.run(job.id)
    hand.write(worker, "first line", "second line")
    return job


def test_every_command_has_help_and_an_example(run: Run) -> None:
    listed = run("--help").out
    with click.Context(cli) as context:
        names = cli.list_commands(context)
        for name in names:
            assert f"\n  {name} " in listed
            if name not in ADMIN:
                assert "example" in run(name, "--help").out
    own = [(name, line) for section in SECTIONS.values() for name, (_, line) in section.items()]
    assert all(line.endswith(".") and len(line) < 70 for _, line in own)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            yield (*path, name)
            if isinstance(command, click.Group):
                yield from commands(command, *path, name)


def test_the_tree_of_commands_is_whole() -> None:
    assert {("keys", "create"), ("keys", "list"), ("keys", "revoke")} < set(commands(cli))


def test_submit_prints_the_jobs_id_alone(run: Run, script: Path) -> None:
    result = run("submit", str(script), "--workers", "2")
    assert result.code == 0
    job_id = result.out.strip()
    shown = json.loads(run("show", job_id, "--json").out)
    assert shown["workers"] == 2
    assert job_id in result.err


def test_a_scripts_arguments_are_its_own(run: Run, script: Path) -> None:
    result = run("submit", str(script), "--json", "--", "--epochs", "10", "--json")
    assert json.loads(result.out)["arguments"] == ["--epochs", "10", "--json"]


def test_what_the_runtime_leaves_undone(run: Run, script: Path) -> None:
    result = run("submit", str(script), "--json", "--without", "backup, seed,backup")
    job = json.loads(result.out)
    assert job["disable"] == ["backup", "seed"]
    assert "backup, seed" in run("show", job["id"]).out


def test_what_each_worker_gets(run: Run, script: Path) -> None:
    options = ["--cpus", "2", "--memory", "2GiB", "--time-limit", "1h30m", "--max-attempts", "5"]
    options += ["--backup-every", "100"]
    job = json.loads(run("submit", str(script), "--json", "--name", "mine", *options).out)
    assert job["resources"] == {"cpus": 2.0, "memory": 2 * 1024**3, "gpus": 0}
    assert (job["time_limit"], job["max_attempts"], job["name"]) == (5400.0, 5, "mine")
    assert job["backup_every"] == 100
    assert "after every 100 steps" in run("show", job["id"]).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit", "missing.py"], "There is no file missing.py"),
        (["submit", "TRAIN", "--memory", "lots"], "write 4GB"),
        (["submit", "TRAIN", "--memory", "4"], "too little"),
        (["submit", "TRAIN", "--time-limit", "soon"], "write 90"),
        (["submit", "TRAIN", "-p", "novalue"], "write -p NAME=VALUE"),
        (["submit", "TRAIN", "--environment", "none"], "labdock environments"),
        (["submit", "TRAIN", "--project", "strangers"], "You are in no project"),
        (["submit", "TRAIN", "--workers", "0"], "--workers"),
        (["submit", "TRAIN", "--wrokers", "2"], "No such option"),
        (["submit", "."], ". is a folder: name a notebook"),
        (["submit", "TRAIN", "-p", "lr=0.1"], "is a script, which takes no parameters"),
        (["submit", "TRAIN", "-p", "class=1"], "'class' is no parameter's name"),
        (["submit", "TRAIN", "--without", "backup,tea"], "without 'tea': choose of strategy,"),
        (["show", "jzz1"], "labdock jobs"),
        (["files", "jzz1"], "labdock jobs"),
        (["deploy", "mzz1", "--endpoint", "x"], "labdock models"),
        (["predict", "nothing", "[1]"], "has no endpoint"),
        (["predict", "digits", "{"], "The request is no JSON"),
        (["predict", "digits", "@nowhere.json"], "can't be read"),
        (["trace", "rzz1"], "labdock endpoints"),
        (["keys", "list", "nothing"], "has no endpoint"),
        (["nonsense"], "No such command"),
        (["jobs", "--nonsense"], "No such option"),
    ],
)
def test_mistakes_are_sentences_and_exit_with_2(
    run: Run, script: Path, arguments: list[str], words: str
) -> None:
    result = run(*(str(script) if argument == "TRAIN" else argument for argument in arguments))
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err and result.out == ""


def test_a_service_that_is_away_exits_with_3(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labdock.transport.DELAYS", (0.01,))
    monkeypatch.setenv("LABDOCK_URL", "http://127.0.0.1:1")
    result = run("jobs")
    assert (result.code, result.out) == (3, "")
    assert "does not answer" in result.err


def test_a_token_that_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABDOCK_TOKEN", "token-eve-secret")
    result = run("jobs")
    assert result.code == 2 and "token-eve-secret" not in result.err
    assert "does not know this LABDOCK_TOKEN: make another" in result.err


def test_jobs_are_listed(run: Run, job: Job) -> None:
    rows = run("jobs", "--mine").out.splitlines()
    assert rows[0].split()[:3] == ["ID", "NAME", "STATE"]
    assert rows[1].split()[:3] == [job.id, "train", "running"]
    assert json.loads(run("jobs", "--json", "--limit", "1").out)[0]["id"] == job.id
    nothing = run("jobs", "--state", "stopping")
    assert nothing.out == "" and "labdock submit" in nothing.err


@pytest.mark.parametrize(
    ("seconds", "words"), [(7500, "2 h 5 min"), (3 * 86400 + 5, "3 days"), (3.2e8, "3704 days")]
)
def test_lengths_of_time_are_said_in_what_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_name_never_breaks_a_table(run: Run, hand: Hand, job: Job) -> None:
    hand.change(job.id, "running", name="two\nlines\x1b[31m\x9b1m\u2028end")
    assert "two lines1m end" in run("jobs").out
    assert run("show", job.id).out.startswith("two lines1m end · ")


def test_a_job_is_shown(run: Run, hand: Hand, job: Job) -> None:
    hand.progress(job.id, Progress(epoch=2, epochs=5, metrics={"loss": 0.25}, seconds_left=72))
    hand.change(job.id, "running", warnings=["Cell 2 calls urandom."])
    out = run("show", job.id[:7]).out
    assert "Warning: Cell 2 calls urandom." in out
    assert "epoch 2/5 · loss 0.25 · 1 min 12 s left" in out
    assert "Attempt 1: worker 0 running" in out


def test_logs_go_to_standard_output(run: Run, hand: Hand, job: Job) -> None:
    assert run("logs", "last").out == "first line\nsecond line\n"
    lines = [json.loads(line) for line in run("logs", "last", "--json").out.splitlines()]
    assert [line["text"] for line in lines] == ["first line", "second line"]
    hand.end(job.id)
    assert run("logs", job.id, "--follow").out == "first line\nsecond line\n"


def test_a_failed_job_exits_with_1_and_shows_the_traceback_once(
    run: Run, service: RunningService, hand: Hand, script: Path
) -> None:
    def fail() -> None:
        client = service.client()
        wait_for(lambda: client.jobs(limit=1)[0].name == "doomed")
        job_id = client.jobs(limit=1)[0].id
        hand.write(hand.run(job_id), "about to divide")
        hand.end(job_id, "failed", Failure(reason="Cell 3 failed.", traceback="x\nBoom: zero"))

    failing = threading.Thread(target=fail)
    failing.start()
    result = run("submit", str(script), "--name", "doomed", "--follow")
    failing.join()
    assert result.code == 1
    assert result.out == "about to divide\n"
    assert result.err.count("Boom: zero") == 1 and "Cell 3 failed." in result.err


def test_stop_and_retry(run: Run, hand: Hand, job: Job) -> None:
    assert json.loads(run("stop", job.id, "--json").out)["target"] == "stopped"
    hand.end(job.id, "stopped")
    assert json.loads(run("retry", job.id, "--json").out)["target"] == "succeeded"
    assert run("retry", "last").code == 0


def test_stop_and_retry_say_what_they_do(run: Run, hand: Hand, job: Job) -> None:
    assert run("stop", job.id).out == f"Job {job.id} stops, and keeps its checkpoint.\n"
    hand.end(job.id, "stopped")
    assert "stopped" in run("stop", job.id).out
    assert run("retry", job.id).out == f"Job {job.id} runs again.\n"


def test_a_deleted_job_can_be_had_back(run: Run, hand: Hand, job: Job) -> None:
    refused = run("delete", job.id)
    assert refused.code == 2 and "stop it first" in refused.err
    assert run("jobs", "--deleted").err == "No job is deleted.\n"
    hand.end(job.id)
    deleted = f"Job {job.id} is deleted: `labdock undelete {job.id}` has it back.\n"
    assert run("delete", "last").out == deleted
    assert job.id not in run("jobs").out and job.id in run("jobs", "--deleted").out
    asked = run("show", job.id)
    assert asked.code == 2 and f"`labdock undelete {job.id}`" in asked.err
    assert job.id in run("undelete", job.id).out
    assert job.id in run("jobs").out
    assert job.delete().record.deleted and job.restore().record.deleted is None


def test_a_log_that_a_job_does_not_have(run: Run, job: Job) -> None:
    for option, words in (("--attempt", "has 1 attempt."), ("--rank", "has 1 worker:")):
        result = run("logs", job.id, option, "7")
        assert (result.code, result.out) == (2, "") and words in result.err
    assert run("logs", job.id, "--attempt", "1").out == "first line\nsecond line\n"


def test_files_are_listed_and_downloaded(
    run: Run, service: RunningService, job: Job, tmp_path: Path
) -> None:
    kept = service.state.jobs / job.id / "artifacts/1"
    kept.mkdir(parents=True)
    (kept / "result.csv").write_text("1,2")
    assert "result.csv  3 B" in run("files", job.id).out
    out = run("files", job.id, "result.csv", "--to", str(tmp_path / "here")).out
    assert Path(out.strip()).read_text() == "1,2"


def test_from_a_model_to_a_prediction_and_back(
    run: Run, service: RunningService, hand: Hand, job: Job, tmp_path: Path
) -> None:
    model = hand.save_model(job.id)
    hand.end(job.id)
    assert model in run("models").out and "accuracy 0.97" in run("models").out
    deployed = run("deploy", "last", "--endpoint", "digits", "--no-wait")
    assert deployed.out.strip() == f"{service.url}/services/endpoints/ada/digits:predict"
    assert "labdock keys create ada/digits" in deployed.err
    revision = newest(service.client().endpoint("ada", "digits")).id
    hand.serve(revision)
    assert f"{revision} 100 %" in run("endpoints").out
    shown = run("endpoints", "digits").out
    assert revision in shown
    assert f"Server of {revision}: the lock names it." in shown
    (tmp_path / "request.json").write_text('{"instances": [[3]]}')
    for request in ("[[3]]", f"@{tmp_path / 'request.json'}"):
        assert json.loads(run("predict", "digits", request).out) == {"predictions": [[6]]}
    assert run("predict", "digits", "[[3]]", "--json").out.count("\n") > 1
    asked = run("predict", "digits", "[[3]]", "--key", "no-key")
    assert (asked.code, asked.out) == (2, "")
    for text in (revision, revision[:6], "digits", "ada/digits"):
        assert job.id in run("trace", text).out
    assert json.loads(run("trace", "digits", "--json").out)["model"]["id"] == model


def test_keys_are_shown_once(run: Run, hand: Hand, job: Job) -> None:
    hand.save_model(job.id)
    run("deploy", job.id, "--endpoint", "keyed", "--no-wait")
    made = run("keys", "create", "keyed", "--title", "website", "--expires", "30d")
    assert made.out.startswith("ldk_") and made.out.count("\n") == 1
    (key,) = json.loads(run("keys", "list", "keyed", "--json").out)
    assert key["title"] == "website" and key["secret"] is None
    assert "in 30 days" in run("keys", "list", "keyed").out
    assert json.loads(run("keys", "revoke", "keyed", key["id"][:6], "--json").out) == key
    assert json.loads(run("keys", "list", "keyed", "--json").out) == []


def test_what_there_is_to_run_on(run: Run) -> None:
    assert "TensorFlow" in run("environments").out
    assert json.loads(run("environments", "--json").out)[0]["default"] is True
    assert "of" in run("nodes").out


def test_a_package_is_shown(run: Run, hand: Hand, script: Path) -> None:
    (script.parent / ".env").write_text("SECRET=1")
    made = packaged(run, hand, str(script))
    assert made.code == 0
    assert "train.py" in made.out and ".env" in made.out and "sha256:1111" in made.out


def labdock(*arguments: str) -> subprocess.Popen[str]:
    code = "import sys; from labdock.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_leaves_the_job_running_and_says_so(
    service: RunningService, hand: Hand, script: Path
) -> None:
    process = labdock("submit", str(script), "--name", "followed", "--follow")
    client = service.client()
    wait_for(lambda: [job for job in client.jobs(limit=1) if job.name == "followed"])
    job_id = client.jobs(limit=1)[0].id
    worker = hand.run(job_id)
    for _ in range(2):
        hand.change(job_id, "running", warnings=["Cell 2 calls urandom."])
    hand.write(worker, "running now")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "running now\n"
    warning = "Warning: Cell 2 calls urandom.\n"
    assert warning in iter(process.stderr.readline, "")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert f"Job {job_id} goes on" in err and "Traceback" not in err
    assert warning not in err
    assert client.job(job_id).target == "succeeded"


def test_ctrl_c_is_quiet_from_the_start() -> None:
    code = """
import sys
class Interrupting:
    def find_spec(self, name, *rest):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from labdock.cli import main
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (130, "")


def test_what_cannot_be_written_is_a_sentence(
    run: Run, service: RunningService, job: Job, tmp_path: Path
) -> None:
    kept = service.state.jobs / job.id / "artifacts/1"
    kept.mkdir(parents=True)
    (kept / "result.csv").write_text("1,2")
    (tmp_path / "taken").write_text("")
    result = run("files", job.id, "--to", str(tmp_path / "taken/below"))
    assert result.code == 2 and "taken/below cannot be used: not a directory." in result.err
    code = "import sys; from labdock.cli import main; sys.exit(main())"
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-c", code, "jobs"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert process.returncode == 2
    assert process.stderr == "The output cannot be used: no space left on device.\n"


def test_what_nobody_foresaw_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise ValueError("the moon")

    monkeypatch.setattr("labdock.commands.jobs.default_client", break_down)
    result = run("jobs")
    assert result.code == 3 and "labdock itself failed (ValueError): the moon" in result.err


def test_a_broken_pipe_is_quiet(service: RunningService, hand: Hand, tmp_path: Path) -> None:
    job = submit(service.client(), tmp_path)
    hand.write(hand.run(job.id), *("a long line " * 50 for _ in range(2000)))
    process = labdock("logs", job.id)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(DEADLINE) == 141


def test_there_is_no_colour_where_there_is_no_terminal(run: Run, job: Job) -> None:
    for arguments in (("jobs",), ("show", job.id), ("nodes",), ("show", "jzz1")):
        result = run(*arguments)
        assert "\x1b" not in result.out + result.err


def test_admin_commands_are_said_to_be_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labdock.cli.ENTRY_POINTS", "labdock.no-such-commands")
    result = run("up", "--detach")
    assert result.code == 2 and "on the hub's machine" not in result.out
    assert "hub's machine" in result.err


def test_help_loads_no_command() -> None:
    code = "import sys; from labdock.cli import main; main(['--help']); print(sorted(sys.modules))"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert "labdock.cli" in out
    for heavy in ("httpx", "msgspec", "rich", "pydantic", "labdock.schema"):
        assert f"'{heavy}'" not in out


def test_importing_labdock_is_light() -> None:
    code = "import sys, labdock; print(sorted(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("httpx", "msgspec", "rich", "click", "pydantic", "labdock.schema"):
        assert f"'{heavy}'" not in out
