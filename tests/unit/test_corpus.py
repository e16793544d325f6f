"""The corpus' catalogue, its files and its page name the same; how a run is judged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.corpus.catalogue import CATALOGUE, ENTRIES, Entry
from tests.corpus.judging import distance, farthest, problems
from tests.corpus.kept import Origin, Run
from tests.corpus.page import PAGES, origins
from tests.corpus.running import Outcome, checked, last_epochs, printed, weights

from labdock.schema import Event
from labdock.servingschema import ModelCheck

RAN = Outcome(
    state="succeeded",
    exits=[0],
    figures=[{"accuracy": 0.9}],
    weights=[[]],
    logs=["accuracy: 0.9000"],
    fits=[{"loss": 0.5}],
    reason="",
    warnings=[],
    models={"model": "equal"},
    files=["log-17"],
    leftovers=[],
    seconds=1.0,
)
GANG = replace(
    RAN,
    exits=[0, 0],
    figures=RAN.figures * 2,
    weights=[["b"], ["b"]],
    fits=[{"loss": 0.51}],
    files=["log-18"],
)
ENTRY = Entry("subclassed", "shows", 0.02, "because", ("accuracy",))
REFUSAL = replace(RAN, state="failed", exits=[64], reason="It does not work. Write that.")


def test_catalogue_files_and_page_name_the_same_entries() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert sorted(names) == sorted(folder.name for folder in ENTRIES.iterdir())
    rows = re.findall(r"^\| \[([a-z0-9-]+)\]\(\S+/(\S+)\) \|", PAGES["process"].read_text(), re.M)
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
        (
            replace(GANG, state="failed", exits=[0, 1], reason="Lost."),
            "On 2 workers it failed with [0, 1]: Lost.",
        ),
        (replace(GANG, exits=[0, 1]), "On 2 workers it succeeded with [0, 1]"),
        (replace(GANG, warnings=["Look."]), "On 2 workers it warned: Look."),
        (replace(GANG, weights=[["b"], ["c"]]), "Worker 1 has other weights than the chief."),
        (replace(GANG, figures=[{"accuracy": 0.9}, {"accuracy": 0.8}]), "Worker 1 printed"),
        (replace(GANG, fits=[{"loss": 0.6}]), "loss is 0.5 on 1 worker and 0.6 on 2."),
        (replace(GANG, fits=[]), "On 2 workers there were 0 calls of fit and not 1."),
        (replace(GANG, weights=[[], []]), "The chief told of its weights 0 times and not 1."),
        (replace(GANG, models={}), "On 2 workers the models were []."),
        (replace(GANG, models={"m": "unchecked. Why."}), "On 2 workers the check of the model m"),
        (replace(GANG, files=["other"]), "On 2 workers it left ['other'], and on 1 worker"),
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


def test_a_notebook_leaves_itself_as_it_ran() -> None:
    notebook = replace(ENTRY, name="sequential")
    said = "its files lack digits.executed.ipynb."
    assert problems(notebook, RAN, GANG) == [f"On 1 worker {said}", f"On 2 workers {said}"]


def event(kind: str, **data: Any) -> Event:
    return Event(id=1, time=0.0, project="p", actor="reconciler", kind=kind, data=data)


def test_the_last_epoch_of_each_fit_counts() -> None:
    points = [(1, 0.5), (1, 0.4), (2, 0.9), (2, 0.8)]
    told = [event("job.epoch", fit=fit, metrics={"loss": loss}) for fit, loss in points]
    assert last_epochs([event("job.running"), *told]) == [{"loss": 0.4}, {"loss": 0.8}]
    assert last_epochs([]) == []


def test_weights_are_those_of_each_fit_and_what_is_printed() -> None:
    events = [event("job.fit", rank=rank, weights=f"w{rank}") for rank in (1, 0)]
    assert weights(ENTRY, events, 1, "digest: ab12\n") == ["w1"]
    assert weights(replace(ENTRY, fingerprint="digest"), events, 0, "digest: ab1\n") == [
        "w0",
        "ab1",
    ]


def test_why_a_model_was_not_checked_is_said() -> None:
    assert checked(ModelCheck(state="equal", difference=0.0)) == "equal"
    assert checked(ModelCheck(state="unchecked", reason="Gone.")) == "unchecked. Gone."


def test_the_page_says_when_each_entry_ran() -> None:
    first, second = Origin("2026-01-02", "abc"), Origin("2026-01-03", "def with changes")
    a, b, c = (replace(ENTRY, name=name) for name in "abc")
    together = Run(RAN, GANG, first)
    assert origins({a: together, b: together}).startswith("Run on 2026-01-02 at commit abc, ")
    said = origins({a: together, b: together, c: Run(RAN, GANG, second)})
    assert said.endswith("\nAgain by themselves on 2026-01-03 at def with changes: c.\n")


def test_the_last_of_a_figure_counts() -> None:
    entry = replace(ENTRY, figures=("a (b)", "c"))
    assert printed(entry, "a (b): 1\nnot c: 3\na (b): -2.5\n") == {"a (b)": -2.5}


def test_how_far_numbers_lie_apart() -> None:
    assert distance(0.5, 0.4) == pytest.approx(0.1)
    assert distance(100.0, 90.0) == pytest.approx(0.1)
