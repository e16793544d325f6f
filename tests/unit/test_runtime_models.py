"""Which files of a working copy become model versions, and under which names."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_runtime import models
from labdock_runtime.job import Job
from labdock_runtime.models import name_of, saved_models
from labdock_runtime.run import Run


@given(st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=100))
def test_a_name_is_always_one_that_the_service_takes(stem: str) -> None:
    name = name_of(Path("/work") / f"{stem}.keras", Path("/work"))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "code"


def keras_file(folder: Path, path: str) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("model")
    return file


def saved_model(folder: Path, path: str) -> Path:
    place = folder / path
    keras_file(place, "saved_model.pb")
    return place


def test_what_counts(folder: Path) -> None:
    saved_model(folder, "export/digits/1")
    keras_file(folder, "out/Best Model.keras")
    keras_file(folder, "only.weights.h5")
    keras_file(folder, ".hidden/other.keras")
    keras_file(folder, "export/digits/1/assets/inner.keras")
    assert {name: path.name for name, path in saved_models(folder, 0).items()} == {
        "digits": "1",
        "best-model": "Best Model.keras",
    }


def test_files_that_came_with_the_source_do_not_count(folder: Path) -> None:
    keras_file(folder, "pretrained.keras")
    later = time.time() + 60
    assert saved_models(folder, later) == {}


def test_of_checkpoints_of_epochs_the_newest_counts(folder: Path) -> None:
    for epoch in (1, 3, 2):
        keras_file(folder, f"ckpt/model-{epoch:02d}.keras")
        time.sleep(0.02)
    assert {n: p.name for n, p in saved_models(folder, 0).items()} == {"model": "model-02.keras"}


def test_a_lone_name_keeps_its_number(folder: Path) -> None:
    keras_file(folder, "resnet50.keras")
    assert list(saved_models(folder, 0)) == ["resnet50"]


def test_a_saved_model_goes_before_a_file_of_its_name(folder: Path) -> None:
    saved_model(folder, "digits")
    keras_file(folder, "digits.keras")
    assert saved_models(folder, 0)["digits"].is_dir()


class Legacy:
    """A model of Keras 2, which notes what is asked of it: on a gang all workers have to answer."""

    built = False
    input_shape = (None, 4)
    weights: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def export(self, _: str) -> None:
        self.asked.append("export")

    def get_weights(self) -> list[str]:
        self.asked.append("get_weights")
        return ["trained"]

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.built = shape == self.input_shape

    def set_weights(self, weights: list[str]) -> None:
        assert self.built
        self.weights = tuple(weights)


Legacy.__module__ = "tf_keras.src.models"


def on_rank(rank: int, folder: Path) -> Run:
    given = {"LABDOCK_RANK": str(rank), "LABDOCK_WORKERS": "2", "LABDOCK_MODELS": str(folder)}
    run = Run(Job({"LABDOCK_ENTRY": "train.py", "LABDOCK_FOLDER": str(folder), **given}))
    run.model = Legacy()
    return run


def made_anew(model: Legacy) -> Legacy:
    assert model.asked
    return Legacy()


def no_such_kind(model: Legacy) -> Legacy:
    raise ValueError(f"{model} is of a class of its own")


@pytest.mark.parametrize("clone", [made_anew, no_such_kind])
def test_all_workers_are_asked_the_same_of_a_model_of_keras_2(
    clone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = SimpleNamespace(models=SimpleNamespace(clone_model=clone))
    monkeypatch.setitem(sys.modules, "tf_keras", keras)
    chief, other = on_rank(0, tmp_path), on_rank(1, tmp_path)
    original = models._export_fitted(chief, tmp_path / "model")
    models.accompany(other)
    assert chief.model.asked == other.model.asked == ["export", "get_weights"]
    if clone is made_anew:
        assert original.outside and original.model.weights == ("trained",)
    else:
        assert (original.model, original.why_not) == (None, models.NEEDS_ALL)
