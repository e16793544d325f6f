"""The corpus' catalogue, its files and its page name the same; how a run is judged."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.corpus.catalogue import CATALOGUE, ENTRIES, Entry
from tests.corpus.judging import distance, farthest, problems
from tests.corpus.page import PAGE
from tests.corpus.running import Outcome, last_epochs, printed

RAN = Outcome(
    exits=[0],
    figures=[{"accuracy": 0.9}],
    weights=[["a"]],
    logs=["accuracy: 0.9000"],
    fits=[{"loss": 0.5}],
    failed="",
    warnings=[],
    models=["model"],
    leftovers=[],
    seconds=1.0,
)
GANG = replace(
    RAN, exits=[0, 0], figures=RAN.figures * 2, weights=[["b"], ["b"]], fits=[{"loss": 0.51}]
)
ENTRY = Entry("one", "shows", 0.02, "because", ("accuracy",))
REFUSAL = replace(RAN, exits=[64], failed="It does not work. Write that.")


def test_catalogue_files_and_page_name_the_same_entries() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert sorted(names) == sorted(folder.name for folder in ENTRIES.iterdir())
    rows = re.findall(r"^\| \[([a-z0-9-]+)\]\(\S+/(\S+)\) \|", PAGE.read_text(), re.M)
    assert set(rows) == {(entry.name, entry.file) for entry in CATALOGUE}


def test_entries_know_nothing_of_the_platform() -> None:
    for entry in CATALOGUE:
        assert "labdock" not in (entry.folder / entry.file).read_text().lower(), entry.name


def test_a_tolerance_has_a_reason() -> None:
    for entry in CATALOGUE:
        assert entry.because if entry.tolerance else not entry.because, entry.name


def test_notebooks_are_whole() -> None:
    for path in ENTRIES.glob("*/*.ipynb"):
        notebook = json.loads(path.read_text())
        ids = [cell["id"] for cell in notebook["cells"]]
        assert len(ids) == len(set(ids)) > 1, path.name


def test_what_agrees_has_no_problems() -> None:
    assert problems(ENTRY, RAN, GANG) == []
    assert farthest(RAN, GANG) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("gang", "said"),
    [
        (replace(GANG, exits=[0, 1], failed="Lost."), "On 2 workers it ended with [0, 1]: Lost."),
        (replace(GANG, warnings=["Look."]), "On 2 workers it warned: Look."),
        (replace(GANG, weights=[["b"], ["c"]]), "Worker 1 has other weights than the chief."),
        (replace(GANG, figures=[{"accuracy": 0.9}, {"accuracy": 0.8}]), "Worker 1 printed"),
        (replace(GANG, fits=[{"loss": 0.6}]), "loss is 0.5 on 1 worker and 0.6 on 2."),
        (replace(GANG, fits=[]), "On 2 workers there were 0 calls of fit and not 1."),
        (replace(GANG, models=[]), "On 2 workers the models were []."),
        (replace(GANG, leftovers=["fit-1"]), "On 2 workers it left ['fit-1']"),
        (replace(GANG, figures=[{}, {}]), "On 2 workers it did not print ['accuracy']."),
        (replace(GANG, fits=[{"loss": float("nan")}]), "loss is 0.5 on 1 worker and nan on 2."),
    ],
)
def test_what_is_wrong_is_said(gang: Outcome, said: str) -> None:
    (found,) = problems(ENTRY, RAN, gang)
    assert found.startswith(said)


def test_a_warning_that_belongs_there_has_to_be_there() -> None:
    entry = replace(ENTRY, warned_gang="differs")
    assert problems(entry, RAN, replace(GANG, warnings=["It differs."])) == []
    assert problems(entry, RAN, GANG) == ["On 2 workers it did not warn of “differs”."]


def test_a_refusal_has_its_sentence() -> None:
    entry = replace(ENTRY, refused="Write that")
    assert problems(entry, REFUSAL, REFUSAL) == []
    assert len(problems(entry, RAN, REFUSAL)) == 2
    assert problems(replace(ENTRY, refused_gang="Write that"), RAN, REFUSAL) == []


def test_where_epochs_begin_anew_another_fit_began() -> None:
    epochs = [{"epoch": n, "metrics": {"loss": float(i)}} for i, n in enumerate((1, 2, 1, 2, 3))]
    assert last_epochs(epochs) == [{"loss": 1.0}, {"loss": 4.0}]
    assert last_epochs([]) == []


def test_the_last_of_a_figure_counts() -> None:
    entry = replace(ENTRY, figures=("a (b)", "c"))
    assert printed(entry, "a (b): 1\nnot c: 3\na (b): -2.5\n") == {"a (b)": -2.5}


def test_how_far_numbers_lie_apart() -> None:
    assert distance(0.5, 0.4) == pytest.approx(0.1)
    assert distance(100.0, 90.0) == pytest.approx(0.1)
