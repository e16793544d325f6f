"""What an attempt leaves, kept again and again with the same result."""

from __future__ import annotations

import errno
import itertools
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock.servingschema import UNCHECKED, ModelCheck, Sample
from labdock_service.reconciler.harvest import (
    LONGEST_NOTE,
    FoundModel,
    Left,
    harvest,
    model_name,
)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    work, code = tmp_path / "work", tmp_path / "code"
    for folder in (work, code):
        (folder / "data").mkdir(parents=True)
        (folder / "train.py").write_text("print(1)")
        (folder / "data/same.csv").write_text("1,2")
        (folder / "data/changed.csv").write_text("1,2")
    (work / "data/changed.csv").write_text("3,4")
    (work / "new").mkdir()
    (work / "new/plot.png").write_bytes(b"png")
    (work / "__pycache__").mkdir()
    (work / "__pycache__/train.pyc").touch()
    (work / "outside").symlink_to("/etc")
    (work / "passwd").symlink_to("/etc/passwd")
    _save(tmp_path / "job/models/1", "digits")
    return Left(
        job="j1",
        attempt=1,
        work=work,
        code=code,
        folder=tmp_path / "job",
        drawn=tmp_path / "curves/j1",
        shown=tmp_path / "tensorboard/j1",
        models=tmp_path / "models",
        lost=False,
        with_models=True,
    )


def _save(folder: Path, name: str) -> None:
    (folder / name / "variables").mkdir(parents=True)
    (folder / name / "saved_model.pb").write_bytes(b"graph")
    (folder / name / "variables/data").write_bytes(b"weights")
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "metrics": {"loss": 1.0}}))


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_new_and_changed_files_are_kept_and_no_link_is_followed(left: Left) -> None:
    harvest(left)
    assert files(left.folder / "artifacts/1") == {"data/changed.csv", "new/plot.png"}


def test_a_model_lies_as_model_servers_want_it(left: Left) -> None:
    [found] = harvest(left)
    assert files(left.models / found.id) == {
        "digits/1/saved_model.pb",
        "digits/1/variables/data",
    }
    assert (found.name, found.size, found.metrics) == ("digits", 12, {"loss": 1.0})


def note(left: Left, text: str) -> FoundModel:
    """What is found where a job said this of its model."""
    (left.folder / "models/1/digits.json").write_text(text)
    [found] = harvest(left)
    return found


def test_a_models_check_and_sample_are_carried_on(left: Left) -> None:
    sample = {"inputs": {"pixels": [[0.5]]}, "outputs": {"digit": [[1.0]]}, "made": False}
    check = {"state": "different", "difference": 0.5, "allowed": 0.1, "reason": "They differ."}
    found = note(left, json.dumps({"name": "digits", "sample": sample, "check": check}))
    assert found.check == ModelCheck(**check)  # type: ignore[arg-type]
    assert found.sample == Sample(**sample)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "digits"}',
        '{"check": {"state": "splendid"}, "sample": {"inputs": 7}}',
        '{"check": 7, "sample": [1]}',
        '{"check": {"state": "equal", "difference": NaN}}',
        '{"check": {"state": "equal", "difference": 1e999}}',
        '{"check": {"state": "equal"}, "sample": {"inputs": {"x": "' + "x" * LONGEST_NOTE + '"}}}',
        "[]",
        "no JSON",
    ],
)
def test_what_a_job_says_amiss_of_a_model_is_not_believed(left: Left, text: str) -> None:
    found = note(left, text)
    assert (found.name, found.check, found.sample) == ("digits", UNCHECKED, None)


@pytest.mark.parametrize("said", [rb'"\ud800"', rb'"\udc00 "', b'"\xed\xa0\x80"', b'"\xff"'])
def test_half_a_pair_in_what_a_job_says_of_a_model_is_not_believed(left: Left, said: bytes) -> None:
    told = b'{"name": "digits", "metrics": {%b: 1}, "signature": {"x": %b}}' % (said, said)
    (left.folder / "models/1/digits.json").write_bytes(told)
    [found] = harvest(left)
    assert (found.name, found.metrics, found.signature) == ("digits", {}, {})


def test_a_harvest_done_again_ends_the_same(left: Left) -> None:
    once = harvest(left)
    assert harvest(left) == once
    assert files(left.folder / "artifacts/1") == {"data/changed.csv", "new/plot.png"}


def test_the_same_model_has_the_same_digest(left: Left, tmp_path: Path) -> None:
    _save(tmp_path / "job/models/1", "other")
    first, second = harvest(left)
    assert first.digest == second.digest
    assert first.id != second.id


def test_a_later_attempt_leaves_what_an_earlier_one_made(left: Left) -> None:
    harvest(left)
    assert left.work
    (left.work / "new/plot.png").unlink()
    harvest(replace(left, attempt=2, with_models=False))
    assert files(left.folder / "artifacts/2") == {"data/changed.csv"}
    assert "new/plot.png" in files(left.folder / "artifacts/1")


def test_a_model_may_have_file_names_of_any_bytes(left: Left) -> None:
    odd = os.fsencode(left.folder / "models/1/digits/caf") + b"\xe9"
    os.close(os.open(odd, os.O_CREAT | os.O_WRONLY))
    [found] = harvest(left)
    assert found.digest.startswith("sha256:")


def test_a_lost_working_copy_leaves_the_older_artifacts(left: Left) -> None:
    harvest(left)
    gone = replace(left, attempt=2, work=None, with_models=False)
    assert harvest(gone) == []
    assert "new/plot.png" in files(left.folder / "artifacts/1")


@given(st.text())
def test_any_name_becomes_one_that_is_safe(wanted: str) -> None:
    name = model_name(wanted)
    assert name and "/" not in name and ":" not in name and not name.startswith((".", "-"))
    assert model_name(name) == name


@pytest.mark.parametrize("death", range(1, 7))
@pytest.mark.parametrize("far", [False, True])
def test_a_model_outlives_death_around_every_move(
    left: Left, monkeypatch: pytest.MonkeyPatch, death: int, far: bool
) -> None:
    """`far`: its place is on another file system, where nothing can be moved to at once."""
    rename, moments = Path.rename, itertools.count(1)

    def perhaps_die() -> None:
        if next(moments) == death:
            raise KeyboardInterrupt

    def dying(self: Path, target: Path) -> Path:
        if far and self == left.folder / "models/1/digits":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        perhaps_die()
        moved = rename(self, target)
        perhaps_die()
        return moved

    with monkeypatch.context() as dead, suppress(KeyboardInterrupt):
        dead.setattr(Path, "rename", dying)
        harvest(left)
    (model,) = harvest(left)
    place = left.models / model.id / "digits/1"
    assert files(place) == {"saved_model.pb", "variables/data"}
