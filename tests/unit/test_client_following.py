"""Jobs through the client, against the real service: submit, follow, restart, files, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.clients import IMAGE, Hand, RunningService, running_service, say_nothing, submit

from labdock import errors, schema, submission
from labdock.client import Client
from labdock.following import Trouble, follow
from labdock.schema import Failure, LogLine, Progress
from labdock.submission import Order, Step


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def hand(service: RunningService) -> Hand:
    return Hand(service)


@pytest.fixture
def client(service: RunningService) -> Client:
    return service.client()


def test_a_job_is_followed_to_its_end(client: Client, hand: Hand, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    states: list[str] = []
    lines: list[str] = []
    for update in follow(client, job.id):
        if isinstance(update, schema.Job):
            if update.state == "packaging" and not states:
                worker = hand.run(job.id)
                hand.write(worker, "one", "two")
            if update.state == "running" and update.progress.epoch:
                hand.write(worker, "three")
                hand.end(job.id)
            states.append(update.state)
        elif isinstance(update, LogLine):
            lines.append(update.text)
            if update.text == "two":
                hand.progress(job.id, Progress(epoch=1, epochs=2))
    assert lines == ["one", "two", "three"]
    assert states[0] == "packaging" and states[-1] == "succeeded"


def test_a_restart_of_the_service_loses_and_repeats_no_line(
    service: RunningService, client: Client, hand: Hand, tmp_path: Path
) -> None:
    job = submit(client, tmp_path)
    worker = hand.run(job.id)
    hand.write(worker, *(f"before {n}" for n in range(5)))
    lines: list[str] = []
    troubles: list[bool] = []

    def restart() -> None:
        service.stop()
        hand.write(worker, *(f"while {n}" for n in range(5)))
        service.start()
        hand.write(worker, *(f"after {n}" for n in range(5)))
        hand.end(job.id)

    restarting = threading.Thread(target=restart)
    for update in follow(client, job.id):
        if isinstance(update, LogLine):
            lines.append(update.text)
            if update.text == "before 4":
                restarting.start()
        elif isinstance(update, Trouble):
            troubles.append(update.message is not None)
    restarting.join()
    assert lines == [f"{when} {n}" for when in ("before", "while", "after") for n in range(5)]
    assert troubles == [True, False]


def test_a_service_that_stays_away_ends_the_following(
    service: RunningService, client: Client, hand: Hand, tmp_path: Path
) -> None:
    job = submit(client, tmp_path)
    hand.run(job.id)
    service.stop()
    try:
        with pytest.raises(errors.ServiceUnavailable):
            list(follow(client, job.id, patience=0.5))
    finally:
        service.start()


def test_waiting_tells_how_a_job_ended(client: Client, hand: Hand, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    hand.run(job.id)
    with pytest.raises(errors.StillRunning):
        job.wait(timeout=0.2)
    failure = Failure(reason="Cell 3 failed: ZeroDivisionError.", traceback="a\nb")
    hand.end(job.id, "failed", failure)
    with pytest.raises(errors.JobFailed, match="Cell 3 failed") as caught:
        job.wait()
    assert caught.value.traceback == ["a", "b"]
    assert caught.value.exit_code == 1


def test_a_stopped_job_is_no_success(client: Client, hand: Hand, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    assert job.stop().record.target == "stopped"
    hand.end(job.id, "stopped")
    with pytest.raises(errors.JobStopped):
        job.wait()
    assert job.state == "stopped"


def test_a_job_is_retried_once_it_has_ended(client: Client, hand: Hand, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    with pytest.raises(errors.Conflict, match="only one that has ended"):
        job.retry()
    hand.end(job.id, "failed")
    assert job.retry().record.target == "succeeded"


def test_logs_are_read_as_they_are(client: Client, hand: Hand, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    worker = hand.run(job.id)
    hand.write(worker, "\x1b[1mbold\x1b[0m", "10%\r20%", "line\u2028separator")
    assert str(job.logs()) == "bold\n20%\nline\u2028separator"
    assert [line.rank for line in job.logs()] == [0, 0, 0]


def test_files_are_listed_and_fetched(
    service: RunningService, client: Client, tmp_path: Path
) -> None:
    job = submit(client, tmp_path)
    kept = service.state.jobs / job.id / "artifacts/1/out"
    kept.mkdir(parents=True)
    (kept / "große Zahlen.csv").write_bytes(b"1,2\n" * 100_000)
    (name,) = [file.path for file in job.files()]
    (place,) = job.download(to=tmp_path / "fetched")
    assert place.relative_to(tmp_path / "fetched").as_posix() == name == "out/große Zahlen.csv"
    assert place.read_bytes() == b"1,2\n" * 100_000
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    with pytest.raises(errors.NotFound, match="labdock files"):
        job.download("missing.csv", to=tmp_path)


def test_nothing_is_sent_twice(service: RunningService, client: Client, tmp_path: Path) -> None:
    before = service.uploads
    submit(client, tmp_path, "print('twice')")
    assert service.uploads == before + 1
    submit(client, tmp_path, "print('twice')")
    assert service.uploads == before + 1


def test_a_large_source_tells_how_far_it_is_sent(client: Client, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 8192)
    script = tmp_path / "train.py"
    script.write_text("print('large')")
    shares: list[float] = []

    def report(step: Step) -> None:
        if step.share is not None:
            shares.append(step.share)

    order = Order(entry=script)
    submission.submit(client, order, submission.take(client, order, report), report)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 4


def test_a_package_is_made_and_nothing_run(client: Client, hand: Hand, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('packaged')")
    (tmp_path / ".env").write_text("SECRET=1")
    made: list[submission.Package] = []
    order = Order(entry=tmp_path / "train.py")
    making = threading.Thread(
        target=lambda: made.append(submission.package(client, order, say_nothing))
    )
    making.start()
    while making.is_alive():
        hand.finish_snapshots()
        making.join(0.05)
    assert [file.path for file in made[0].source.files] == ["train.py"]
    assert ".env" in made[0].left_out
    assert made[0].snapshot.image == IMAGE


def test_a_source_that_cannot_be_packaged_is_a_mistake(
    client: Client, hand: Hand, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("print('broken')")
    failed: list[errors.Mistake] = []

    def make() -> None:
        with pytest.raises(errors.Mistake) as caught:
            submission.package(client, Order(entry=tmp_path / "train.py"), say_nothing)
        failed.append(caught.value)

    making = threading.Thread(target=make)
    making.start()
    while making.is_alive():
        hand.finish_snapshots(error="There is no numpy 99.")
        making.join(0.05)
    assert str(failed[0]) == "There is no numpy 99."


def test_an_environment_that_is_not_there_is_a_mistake(client: Client, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    order = Order(entry=tmp_path / "train.py", environment="nowhere")
    with pytest.raises(errors.Mistake, match="labdock environments"):
        submission.take(client, order, say_nothing)


def test_jobs_are_found_by_the_beginning_of_their_id(client: Client, tmp_path: Path) -> None:
    job = submit(client, tmp_path)
    assert client.find_job("last").id == job.id
    assert client.find_job(job.id[:8]).id == job.id
    submit(client, tmp_path)
    with pytest.raises(errors.Mistake, match="may be any of"):
        client.find_job("j")
    with pytest.raises(errors.NotFound, match="labdock jobs"):
        client.find_job("jzz1")
    with pytest.raises(errors.NotFound):
        client.find_job("jaaaaaaaaaa")


def test_another_person_sees_nothing(
    service: RunningService, client: Client, tmp_path: Path
) -> None:
    job = submit(client, tmp_path)
    with pytest.raises(errors.NotFound):
        service.client("bob").job(job.id)
    with pytest.raises(errors.NotFound, match="You have no job yet"):
        service.client("bob").find_job("last")
    with pytest.raises(errors.NotAllowed):
        service.client("eve").jobs()
