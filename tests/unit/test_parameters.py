"""What a cell of parameters declares, and what fits it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runtime import write_notebook

from labdock import parameters, points
from labdock.declarations import NotReadable, declared, read_cell
from labdock.errors import Mistake
from labdock.inputs import Parameter


def read(cell: str) -> dict[str, tuple[Any, ...]]:
    return {one.name: (one.kind, one.default, one.text, one.optional) for one in read_cell(cell)}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("lr = 1e-3", ("float", 0.001, "0.001", False)),
        ("lr: float = 1", ("float", 1, "1", False)),
        ("lr: 'float'", ("float", None, "", False)),
        ("lr: int | None = None", ("int", None, "None", True)),
        ("lr: Optional[int] = 3", ("int", 3, "3", True)),
        ("lr: int | float = 3", ("float", 3, "3", False)),
        ("lr: float = None", ("float", None, "None", True)),
        ("lr: typing.List[int] = [1]", ("list", [1], "[1]", False)),
        ("lr: Path = 'x'", ("any", "x", "'x'", False)),
        ("lr = -5", ("int", -5, "-5", False)),
        ("lr = True", ("bool", True, "True", False)),
        ("lr = (1, 2)", ("list", [1, 2], "(1, 2)", False)),
        ("lr = {'a': 1}", ("dict", {"a": 1}, "{'a': 1}", False)),
        ("lr = {1: 2}", ("any", None, "{1: 2}", False)),
        ("lr = None", ("any", None, "None", True)),
        ("lr = 2 ** 8", ("any", None, "2 ** 8", False)),
        ("lr = 1e999", ("any", None, "1e309", False)),
        ("lr = 1\nlr = 'two'", ("str", "two", "'two'", False)),
        ("lr, b = 1, 2", ("int", 1, "1", False)),
        ("lr, *b = f()", ("any", None, "computed", False)),
        ("a = lr = 3", ("int", 3, "3", False)),
        ("lr = 1\nif fast:\n    lr = 2", ("int", None, "computed", False)),
        ("lr = 1\nlr *= 2", ("int", None, "computed", False)),
        ("for lr in x: pass", ("any", None, "computed", False)),
        ("%matplotlib inline\n!ls\nlr = 1", ("int", 1, "1", False)),
    ],
)
def test_a_cells_names_have_kinds_and_defaults(cell: str, expected: tuple[Any, ...]) -> None:
    assert read(cell)["lr"] == expected


def test_names_of_functions_and_loops_inside_are_their_own() -> None:
    cell = "lr = 1\ndef f(a):\n    b = 2\nclass C:\n    c = 3\nd = [e for e in f(1)]\nimport g"
    assert list(read(cell)) == ["lr", "d"]


def test_long_defaults_are_cut() -> None:
    (one,) = read_cell(f"x = {list(range(100))}")
    assert len(one.text) == 60 and one.default == list(range(100))


def test_a_cell_that_is_no_python_is_a_sentence(tmp_path: Path) -> None:
    for cell in ("lr = = 1", "(" * 10_000):
        with pytest.raises(NotReadable):
            read_cell(cell)
    file = tmp_path / "n.ipynb"
    write_notebook(file, "1", parameters="lr = = 1")
    with pytest.raises(Mistake, match=r"of parameters of n\.ipynb is no Python .* lr = 0\.001"):
        parameters.of_entry(file)


def test_a_notebook_without_the_cell_declares_nothing(tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    write_notebook(file, "lr = 1")
    assert parameters.of_entry(file) is None
    assert parameters.of_entry(tmp_path / "gone.ipynb") is None
    assert declared(b"no notebook") is None


VALUES: dict[str, Any] = {
    "bool": True,
    "int": 5,
    "float": 0.5,
    "str": "x",
    "list": [1],
    "dict": {"a": 1},
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("given_kind", [*VALUES, "None"])
def test_a_value_of_another_kind_is_refused(kind: Any, given_kind: str) -> None:
    value = VALUES.get(given_kind)
    sentence = parameters.why_unfit(Parameter(name="p", kind=kind, text="7"), value)
    fits = kind == given_kind or (kind, given_kind) == ("float", "int")
    assert (sentence is None) == fits
    if sentence:
        told, example = parameters.KINDS[kind]
        assert sentence.startswith(f"p is {told} (default 7): give it as {example}, not ")
    optional = Parameter(name="p", kind=kind, optional=True)
    assert parameters.why_unfit(optional, None) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "5", "5"),
        ("str", "null", "null"),
        ("str", '"quoted"', '"quoted"'),
        ("bool", "yes", True),
        ("bool", "True", True),
        ("bool", "off", False),
        ("int", "20", 20),
        ("float", "1e-3", 0.001),
        ("float", "2", 2),
        ("list", "[1, 2]", [1, 2]),
        ("dict", '{"a": 1}', {"a": 1}),
        ("any", "true", True),
        ("any", "some text", "some text"),
    ],
)
def test_typed_text_is_read_by_the_parameters_kind(kind: Any, text: str, value: Any) -> None:
    found = parameters.parse(Parameter(name="p", kind=kind), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [("bool", "maybe"), ("int", "2.5"), ("int", "ten"), ("float", "fast"), ("list", "1,2")],
)
def test_text_of_another_kind_is_a_sentence(kind: Any, text: str) -> None:
    with pytest.raises(Mistake, match=f"p is .*, not {text}"):
        parameters.parse(Parameter(name="p", kind=kind), text)


def test_none_can_be_typed_where_it_is_a_value() -> None:
    assert parameters.parse(Parameter(name="p", kind="int", optional=True), "none") is None


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
)
def test_a_default_fits_its_own_parameter(value: Any) -> None:
    (one,) = read_cell(f"p = {value!r}")
    assert parameters.why_unfit(one, value) is None
    assert one.default == json.loads(json.dumps(value))
    if one.kind not in ("str", "any"):
        assert parameters.parse(one, json.dumps(value)) == value


def test_numpys_numbers_are_pythons() -> None:
    assert points.plain_values({"lr": np.logspace(-2, -1, 2), "units": (np.int64(3), 4)}) == {
        "lr": [pytest.approx(0.01), pytest.approx(0.1)],
        "units": [3, 4],
    }
    assert points.plain_values({"units": range(3)}) == {"units": [0, 1, 2]}
    for wrong in (32, "relu", None):
        with pytest.raises(Mistake, match="units has no list of values"):
            points.plain_values({"units": wrong})


def test_what_cannot_be_sent_is_a_sentence() -> None:
    sentence = parameters.why_unfit(Parameter(name="data"), Path())
    assert sentence and "data is a PosixPath, which cannot be sent: give text" in sentence


KNOWN = read_cell("lr = 1e-3\nunits = 32\nact = 'relu'\nlayers = [1]")


def test_a_grids_points_are_all_combinations() -> None:
    typed = ["lr=1e-3,1e-4", "act=relu,tanh"]
    values = points.read_options(typed, KNOWN)
    assert [points.name("digits", point) for point in points.points(values)] == [
        "digits lr=0.001 act=relu",
        "digits lr=0.001 act=tanh",
        "digits lr=0.0001 act=relu",
        "digits lr=0.0001 act=tanh",
    ]
    assert points.count(values) == 4


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1,2", ["1", "2"]),
        ("[1,2],[3]", ["[1,2]", "[3]"]),
        ('{"a":[1,2]},{}', ['{"a":[1,2]}', "{}"]),
        ('"a,b",c', ['"a,b"', "c"]),
        (" 1 , ,2,", ["1", "2"]),
        ("", []),
        ("a]b,c", ["a]b", "c"]),
    ],
)
def test_commas_within_brackets_and_quotes_part_nothing(text: str, parts: list[str]) -> None:
    assert points.parts(text) == parts


def test_values_are_of_the_parameters_kind() -> None:
    values = points.read_options(['act="a,b",5', "layers=[1],[2,3]"], KNOWN)
    assert values == {"act": ["a,b", "5"], "layers": [[1], [2, 3]]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["lr"], "write --grid NAME=VALUE,VALUE"),
        (["lr=1", "lr=2"], "lr is given twice"),
        (["class=1"], "no parameter's name"),
        (["units=1,many"], r"units is a whole number \(default 32\)"),
    ],
)
def test_a_mistyped_grid_is_a_sentence(options: list[str], words: str) -> None:
    with pytest.raises(Mistake, match=words):
        points.read_options(options, KNOWN)


def test_true_and_one_are_two_values() -> None:
    any_kind = [Parameter(name="p")]

    def look(values: list[Any]) -> parameters.Problem | None:
        return points.find_grid_problem("n.ipynb", any_kind, {}, [], {"p": values})

    assert look([1, True, 0, False]) is None
    problem = look([1, 1.0])
    assert problem and problem.sentence == "p has 1 twice: each value is tried once."


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=300), max_size=3))
def test_a_points_name_is_one_short_line(point: dict[str, str]) -> None:
    name = points.name("digits\n" * 50, point)
    assert len(name) <= 200
    assert points.name("d", {"a": "x\ny"}) == "d a=x y"


def test_what_a_notebook_runs_with() -> None:
    assert parameters.effective(KNOWN, {"lr": 1}) == {
        "lr": 1,
        "units": 32,
        "act": "relu",
        "layers": [1],
    }
