"""Jobs that are deleted, had back, and gone for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.support.reconciling import Deployment, deployed, eventually, make, reconciling

from labdock_service.errors import Conflict
from labdock_service.reconciler import handing
from labdock_service.reconciler.deleting import KEPT_SECONDS, Deleting
from labdock_service.reconciler.loop import Reconciler
from labdock_service.store import active, images, jobs, models
from labdock_service.store.tables import DELETED_OR_HIDDEN, JobRow

Change = Callable[[Session, JobRow, str], None]

DRAWS = """
    import json, os, pathlib
    pathlib.Path("result.txt").write_text("3")
    curve = pathlib.Path(os.environ["LABDOCK_TENSORBOARD"])
    curve.mkdir(parents=True, exist_ok=True)
    (curve / "curve").write_text("down")
    model = pathlib.Path(os.environ["LABDOCK_MODELS"], "digits")
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"model")
    model.with_suffix(".json").write_text(json.dumps({"name": "digits"}))
"""
WAITS = "import time; time.sleep(600)"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


@pytest.fixture
def reconciler(place: Deployment) -> Iterator[Reconciler]:
    made = make(place)
    with reconciling(made):
        yield made


def ended(place: Deployment, reconciler: Reconciler, code: str = DRAWS) -> JobRow:
    job = place.submit(code)

    def look() -> bool:
        reconciler.settle()
        return place.job(job).state == "succeeded"

    eventually(look)
    return row(place, job)


def row(place: Deployment, job: str) -> JobRow:
    with place.acting() as (session, _, _):
        return session.get_one(JobRow, job)


def change(
    place: Deployment,
    reconciler: Reconciler,
    job: JobRow,
    what: Change,
) -> JobRow:
    """Do it as a person does, and let the reconciler see to it."""
    with place.acting() as (session, _, _):
        what(session, session.get_one(JobRow, job.id), "ada")
    reconciler.settle()
    return row(place, job.id)


def listed(place: Deployment, *, deleted: bool = False) -> list[str]:
    with place.acting() as (session, _, project):
        return [job.id for job in jobs.listed(session, {project.id}, deleted=deleted)]


def later(reconciler: Reconciler, seconds: float) -> None:
    reconciler.parts.clock = lambda: time.time() + seconds
    reconciler.settle()


def test_a_deleted_job_is_out_of_sight_and_comes_back_whole(
    place: Deployment, reconciler: Reconciler
) -> None:
    job = ended(place, reconciler)
    shown = reconciler.parts.shown_curves(job)
    assert (shown / "curve").read_text() == "down"
    assert change(place, reconciler, job, jobs.delete).files == "hidden"
    assert not shown.is_symlink()
    assert (listed(place), listed(place, deleted=True)) == ([], [job.id])
    assert change(place, reconciler, job, jobs.restore).files == "shown"
    assert (shown / "curve").read_text() == "down"
    assert (listed(place), listed(place, deleted=True)) == ([job.id], [])
    assert place.kinds(job.id)[-2:] == ["job.deleted", "job.restored"]


def wanting(place: Deployment, job: JobRow, what: Change) -> Callable[[], object]:
    """A person who wants it at that moment, without a pass."""

    def want() -> None:
        with place.acting() as (session, _, _):
            what(session, session.get_one(JobRow, job.id), "ada")

    return want


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, then: Callable[[], object]) -> None:
    """Have it happen once, between a step of the reconciler's and the next."""
    step, left = getattr(handing, name), [then]

    def both(*arguments: Any) -> None:
        step(*arguments)
        if left:
            left.pop()()

    monkeypatch.setattr(handing, name, both)


def test_who_wants_it_back_while_it_is_hidden_has_it_back(
    place: Deployment, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ended(place, reconciler)
    meanwhile(monkeypatch, "hide", wanting(place, job, jobs.restore))
    assert change(place, reconciler, job, jobs.delete).files == "shown"
    assert (reconciler.parts.shown_curves(job) / "curve").read_text() == "down"


def test_who_deletes_it_while_it_is_shown_again_sees_it_no_more(
    place: Deployment, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ended(place, reconciler)
    change(place, reconciler, job, jobs.delete)
    meanwhile(monkeypatch, "show", wanting(place, job, jobs.delete))
    assert change(place, reconciler, job, jobs.restore).files == "hidden"
    assert not reconciler.parts.shown_curves(job).is_symlink()


@pytest.mark.parametrize("back", [False, True])
def test_a_crash_on_the_way_ends_as_the_person_wants_it(
    place: Deployment, monkeypatch: pytest.MonkeyPatch, *, back: bool
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    first = make(place)
    with reconciling(first), monkeypatch.context() as killed:
        job = ended(place, first)
        killed.setattr(handing, "hide", die)
        with pytest.raises(Killed):
            change(place, first, job, jobs.delete)
    if back:
        wanting(place, job, jobs.restore)()
    second = make(place)
    with reconciling(second):
        second.settle()
        assert second.parts.shown_curves(job).is_symlink() == back
    assert row(place, job.id).files == ("shown" if back else "hidden")


def test_what_could_not_be_hidden_is_tried_again(
    place: Deployment, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ended(place, reconciler)

    def fail(*_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as failing:
        failing.setattr(handing, "hide", fail)
        change(place, reconciler, job, jobs.delete)
    assert reconciler.parts.shown_curves(job).is_symlink()
    reconciler.settle()
    assert not reconciler.parts.shown_curves(job).is_symlink()


def test_curves_that_an_older_labdock_kept_are_hidden_and_come_back(
    place: Deployment, reconciler: Reconciler
) -> None:
    job = ended(place, reconciler)
    drawn, shown = reconciler.parts.drawn_curves(job), reconciler.parts.shown_curves(job)
    shown.unlink()
    (drawn / "1").rename(shown)
    assert change(place, reconciler, job, jobs.delete).files == "hidden"
    assert not shown.exists()
    change(place, reconciler, job, jobs.restore)
    assert (shown / "curve").read_text() == "down"


def test_what_is_hidden_is_looked_at_again_when_its_days_are_over(
    place: Deployment, reconciler: Reconciler
) -> None:
    job = ended(place, reconciler)
    deleted = change(place, reconciler, job, jobs.delete).deleted
    assert deleted is not None
    with place.store.read() as session:
        assert active.deleted_jobs(session, deleted) == []
        assert [one.id for one in active.deleted_jobs(session, deleted + 1)] == [job.id]
        plan = session.execute(
            text(f"EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE {DELETED_OR_HIDDEN}")
        )
        assert "ix_jobs_deleted" in str(plan.all())


def test_a_pass_clears_away_one_job(place: Deployment, reconciler: Reconciler) -> None:
    made = [ended(place, reconciler, f"print({number})").id for number in range(3)]
    with place.acting() as (session, _, _):
        for job in made:
            fresh = session.get_one(JobRow, job)
            fresh.deleted, fresh.files = time.time(), "leaving"
    deleting = Deleting(reconciler.parts)
    for left in (2, 1, 0):
        deleting.advance()
        assert [row(place, job).files for job in made].count("leaving") == left


def test_after_seven_days_its_files_and_logs_go_and_its_model_stays(
    place: Deployment, reconciler: Reconciler
) -> None:
    job = ended(place, reconciler)
    places = [
        place.job_folder(job.id),
        reconciler.parts.drawn_curves(job),
        place.state.workers / f"job-{job.id}-1-0",
    ]
    assert all(folder.is_dir() for folder in places)
    change(place, reconciler, job, jobs.delete)
    later(reconciler, KEPT_SECONDS - 60)
    assert all(folder.is_dir() for folder in places)
    later(reconciler, KEPT_SECONDS + 60)
    assert not any(folder.exists() for folder in places)
    assert row(place, job.id).files == "gone"
    assert listed(place, deleted=True) == []
    with place.acting() as (session, _, _):
        [model] = models.of_job(session, job.id)
        assert (place.state.models / model.id / "digits/1/saved_model.pb").is_file()


def test_what_was_begun_to_be_cleared_away_is_finished_after_a_crash(
    place: Deployment, reconciler: Reconciler
) -> None:
    job = ended(place, reconciler)
    with place.acting() as (session, _, _):
        fresh = session.get_one(JobRow, job.id)
        fresh.deleted, fresh.files = time.time(), "leaving"
    assert listed(place, deleted=True) == []
    later(reconciler, 0)
    assert row(place, job.id).files == "gone"
    assert not place.job_folder(job.id).exists()


def test_only_a_job_that_has_ended_can_be_deleted(
    place: Deployment, reconciler: Reconciler
) -> None:
    waiting = place.submit(WAITS)
    with place.acting() as (session, _, _), pytest.raises(Conflict, match="stop it first"):
        jobs.delete(session, session.get_one(JobRow, waiting), "ada")
    place.stop(waiting)
    reconciler.settle()
    place.retry(waiting)
    with place.acting() as (session, _, _), pytest.raises(Conflict, match="stop it first"):
        jobs.delete(session, session.get_one(JobRow, waiting), "ada")


def test_a_job_that_is_gone_names_no_image(place: Deployment, reconciler: Reconciler) -> None:
    job = ended(place, reconciler, "print('nothing is saved')")
    with place.acting() as (session, _, _):
        session.get_one(JobRow, job.id).snapshot.image = f"sha256:{'0' * 64}"
    change(place, reconciler, job, jobs.delete)
    with place.acting() as (session, _, _):
        assert len(images.named(session)) == 1
    later(reconciler, KEPT_SECONDS + 60)
    with place.acting() as (session, _, _):
        assert images.named(session) == set()
