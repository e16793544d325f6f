"""JSON to tensors and back: what numpy does at once is what the slow way does value by value."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from labdock_model_server import json_text  # noqa: E402
from labdock_model_server.answers import column_answer, row_answer  # noqa: E402
from labdock_model_server.errors import RequestError  # noqa: E402
from labdock_model_server.tensors import TensorSpec, columns, rows  # noqa: E402

LIMITS = {"int8": 7, "uint8": 8, "int16": 15, "int32": 31, "uint32": 32, "int64": 63, "uint64": 64}


def values_of(name: str) -> st.SearchStrategy[Any]:
    if name in LIMITS:
        top = 2 ** LIMITS[name] - 1
        return st.integers(0 if name.startswith("u") else -top - 1, top)
    if name == "bool":
        return st.booleans()
    if name == "string":
        return st.text(st.characters(exclude_categories=["Cs"]))
    width: Literal[32, 64] = 32 if name == "float" else 64
    largest = 2**24 - 1 if name == "float" else 2**53 - 1
    return st.floats(width=width, allow_nan=False) | st.integers(-largest, largest)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[TensorSpec, Any]:
    name = draw(st.sampled_from([*LIMITS, "bool", "string", "float", "double"]))
    shape = draw(st.lists(st.integers(1, 3), max_size=3))
    value = values_of(name)
    for size in reversed(shape):
        value = st.lists(value, min_size=size, max_size=size)
    return TensorSpec("x", name), draw(value)


@given(tensors())
def test_a_column_comes_back_as_it_went_in(case: tuple[TensorSpec, Any]) -> None:
    spec, value = case
    (array,) = columns(value, [spec], numeric=spec.type != "bool")
    assert array.dtype == spec.dtype
    (back,) = columns(json.loads(column_answer({"x": array}))["outputs"], [spec], numeric=False)
    assert array.tolist() == back.tolist() == decoded(value)


@given(tensors())
def test_rows_come_back_as_they_went_in(case: tuple[TensorSpec, Any]) -> None:
    spec, value = case
    for instances in ([value, value], [{"x": value}, {"x": value}]):
        (array,) = rows(instances, [spec], numeric=spec.type != "bool")
        answer = json.loads(row_answer({"x": array}))["predictions"]
        (back,) = rows(answer, [spec], numeric=False)
        assert array.tolist() == back.tolist() == [decoded(value)] * 2


def decoded(value: Any) -> Any:
    """The value with its texts as a tensor holds them."""
    if isinstance(value, list):
        return [decoded(element) for element in value]
    return value.encode() if isinstance(value, str) else value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "x", "b64"]), inner, max_size=2)
    ),
    max_leaves=8,
)
names = st.sampled_from(["float", "double", "int32", "uint64", "bool", "string", "half"])


@given(st.lists(anything, min_size=1, max_size=3), st.lists(names, min_size=1, max_size=2))
def test_the_fast_way_accepts_nothing_that_the_slow_way_refuses(
    instances: list[Any], types: list[str]
) -> None:
    specs = [TensorSpec(name, type_name) for name, type_name in zip("xa", types, strict=False)]
    text = json.dumps(instances)
    numeric = "true" not in text and "false" not in text

    def outcome(numeric: bool) -> Any:
        try:
            return [array.tolist() for array in rows(instances, specs, numeric)]
        except RequestError as error:
            return error.code, str(error)

    assert repr(outcome(numeric)) == repr(outcome(False))


@given(anything)
def test_what_python_writes_as_json_is_read_as_it_was(value: Any) -> None:
    text = json.dumps({"value": value}).encode()
    try:
        document = json_text.read(text)
    except RequestError:
        assert b"\\ud" in text
    else:
        assert same(document["value"], value)


def same(one: Any, other: Any) -> bool:
    """Equal, where NaN equals itself and integers beyond 64 bits are floats."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float | int):
        return (math.isnan(one) and math.isnan(other)) or one == float(other)
    return bool(one == other)


@given(st.binary(max_size=30))
def test_no_body_is_too_strange_for_a_sentence(body: bytes) -> None:
    try:
        assert isinstance(json_text.read(body), dict)
    except RequestError as error:
        assert error.status == 400


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_rows_with_nan_and_infinity_stay_in_their_places(kind: str) -> None:
    values = [[1.5, math.nan, math.inf], [-math.inf, 0.1, math.nan]]
    array = np.array(values, dtype=kind)
    one = json.loads(row_answer({"x": array}))["predictions"]
    several = json.loads(row_answer({"x": array, "y": array[:, 1]}))["predictions"]
    assert repr(one) == repr(values)
    assert repr([row["x"] for row in several]) == repr(values)
    assert repr([row["y"] for row in several]) == "[nan, 0.1]"
