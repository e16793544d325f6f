"""Jobs that are deleted, had back, and gone for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from tests.support.reconciling import Deployment, deployed, eventually, make, reconciling

from labdock_service.errors import Conflict
from labdock_service.reconciler.deleting import KEPT_SECONDS
from labdock_service.reconciler.loop import Reconciler
from labdock_service.store import images, jobs, models
from labdock_service.store.tables import JobRow

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
    what: Callable[[Session, JobRow, str], None],
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
