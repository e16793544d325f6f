"""Which files of a working copy become model versions, and under which names."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_runtime.models import name_of, saved_models


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
