"""What the runtime notes of models: rows that they were given, and where they were saved."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labdock_runtime.memory import LARGEST, ROWS, Memory, first_rows, watch


@dataclass
class Rows:
    """As an array is asked: its shape, some of it, and a copy."""

    values: list[int]
    nbytes: int = 8

    @property
    def shape(self) -> tuple[int]:
        return (len(self.values),)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.values[part], self.nbytes)

    def copy(self) -> Rows:
        return Rows(list(self.values), self.nbytes)


class Model:
    """As much of a Keras model as is watched."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.weights = b"first"

    def fit(self, x: Any = None, y: Any = None) -> str:
        del x, y
        self.calls.append("fit")
        return "history"

    evaluate = predict = fit

    def save(self, filepath: Any) -> None:
        del filepath
        self.calls.append("save")

    def export(self, filepath: Any) -> None:
        del filepath
        self.calls.append("export")

    def get_weights(self) -> list[memoryview]:
        return [memoryview(self.weights)]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def watched(memory: Memory) -> type[Model]:
    kind = type("Watched", (Model,), {})
    for name in ("fit", "evaluate", "predict", "save", "export"):
        setattr(kind, name, vars(Model)[name])
    watch(memory, kind)
    return kind


def test_the_first_rows_are_copied_in_their_structure() -> None:
    whole = Rows(list(range(10)))
    first = Rows([0, 1, 2])
    assert first_rows({"a": whole, "b": [whole, whole]}) == {"a": first, "b": [first, first]}
    kept = first_rows(whole)
    whole.values[0] = 7
    assert kept == first and len(kept.values) == ROWS


@pytest.mark.parametrize(
    "given",
    [
        None,
        7,
        "text",
        iter([1]),
        [],
        [1, 2],
        {"a": 1},
        Rows([1], LARGEST + 1),
        [Rows([1]), object()],
    ],
)
def test_of_anything_else_nothing_is_kept(given: Any) -> None:
    assert first_rows(given) is None


def test_the_first_that_a_model_is_given_counts(memory: Memory, watched: type[Model]) -> None:
    one, other = watched(), watched()
    assert one.fit(Rows([1, 2, 3, 4]), y=None) == "history"
    one.predict(x=Rows([9]))
    other.evaluate(Rows([5]))
    assert (memory.given(one), memory.given(other)) == (Rows([1, 2, 3]), Rows([5]))
    assert memory.given(watched()) is None and memory.given(None) is None


def test_a_generator_is_not_touched(memory: Memory, watched: type[Model]) -> None:
    def numbers() -> Iterator[int]:
        raise AssertionError("it was read")
        yield 1

    model = watched()
    model.fit(numbers())
    assert memory.given(model) is None


def test_what_cannot_be_noted_disturbs_nobody(watched: type[Model]) -> None:
    class Odd:
        @property
        def shape(self) -> Any:
            raise RuntimeError("no shape today")

    model = watched()
    assert model.fit(Odd()) == "history"
    model.save(7)
    assert model.calls == ["fit", "save"]


def test_a_file_is_known_by_its_place(
    memory: Memory, watched: type[Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = watched()
    model.save("best.keras")
    model.export(tmp_path / "served")
    first = memory.saved(tmp_path / "served")
    model.weights = b"trained on"
    model.export("later")
    later = memory.saved(tmp_path / "later")
    found = memory.saved(tmp_path / "best.keras")
    assert found and first and later and found.model is model
    assert first.weights != later.weights
    assert memory.saved(tmp_path / "other") is None


def test_a_model_that_was_dropped_is_not_kept_alive(
    memory: Memory, watched: type[Model], tmp_path: Path
) -> None:
    model = watched()
    model.save(tmp_path / "best.keras")
    model.export(tmp_path / "served")
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None
    for name in ("best.keras", "served"):
        found = memory.saved(tmp_path / name)
        assert found and found.model is None


def test_the_runtimes_own_export_is_not_noted(
    memory: Memory, watched: type[Model], tmp_path: Path
) -> None:
    memory.over = True
    watched().export(tmp_path / "making")
    assert memory.saved(tmp_path / "making") is None
