"""Finding this notebook, and whether what was run is what is on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.clients import RunningService, running_service
from tests.support.notebooks import (
    JupyterServer,
    Session,
    jupyter_server,
    kernel_environ,
    write_notebook,
)

from labdock.errors import Mistake, UnsavedNotebook
from labdock.session import Kernel, check_saved, find_notebook, only_submits, unsaved_cell

FIND = (
    "from labdock import session as s\n"
    "kernel = s.this_kernel()\n"
    "print(s.find_notebook(kernel).resolve())"
)


def notebook(*cells: tuple[str, int | None]) -> dict[str, Any]:
    return {
        "cells": [
            {"cell_type": "code", "source": source, "execution_count": number}
            for source, number in cells
        ]
    }


@pytest.mark.parametrize(
    ("cells", "executed", "expected"),
    [
        ([("a", 1), ("b", 2)], ["", "a", "b"], None),
        ([("a", None), ("b", None)], ["", "a", "b"], None),
        ([("a\n", 1)], ["", "a"], None),
        ([("a", 1), ("b", 2)], ["", "a", "changed"], 2),
        ([("a", 1), ("b", 3)], ["", "a", "older b", "b"], None),
        ([("a", 1)], ["", "a", "scratch, not saved"], 2),
        ([("a", 1), ("labdock.train()", None)], ["", "a", "labdock.train(workers=4)"], None),
        ([("a", 1)], ["", "a", "import labdock\nx = labdock.train()"], None),
        ([("a", 1)], ["", "a", "x = 2\nlabdock.train()"], 2),
        ([("a", 1)], ["", "a", "%pip install b\nlabdock.train()"], 2),
        ([("a", 1)], ["", "labdock.train()", "changed"], 1),
        ([("a", 3)], ["", "x", "y", "a"], None),
        ([("a", 1), ("new b", 2), ("c", 3)], ["", "a", "b", "c"], 2),
        ([("a", 9)], ["", "a"], None),
        ([], ["", ""], None),
    ],
)
def test_what_was_run_since_the_last_save_is_in_the_file(
    cells: list[tuple[str, int | None]], executed: list[str], expected: int | None
) -> None:
    assert unsaved_cell(notebook(*cells), executed) == expected


def test_a_file_from_before_the_kernel_tells_nothing_of_it() -> None:
    saved = notebook(("a", 1), ("b", 2), ("c", 3))
    executed = ["", "a", "edited, not saved", "c"]
    assert unsaved_cell(saved, executed, saved_since=False) == 2
    assert unsaved_cell(notebook(("b", 2)), ["", "x", "b"], saved_since=False) == 1


def test_saving_after_a_refusal_is_enough(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "n.ipynb", "a")
    kernel = Kernel("k", tmp_path, ["", "a", "b"], 0.0, vscode=None, headless=False)
    for _ in range(2):
        with pytest.raises(UnsavedNotebook, match=r"Cell \[2\].*save the notebook first"):
            check_saved(file, kernel)
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    check_saved(file, kernel)


def test_what_is_saved_by_itself_is_waited_for(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "n.ipynb", "a")
    kernel = Kernel("k", tmp_path, ["", "a", "b", "c"], 0.0, vscode=None, headless=False)
    saving = threading.Timer(0.3, lambda: write_notebook(file, "a", "b", "c"))
    saving.start()
    check_saved(file, kernel, patience=60)
    ahead = replace(kernel, executed=[*kernel.executed, "d"])
    with pytest.raises(UnsavedNotebook, match=r"Cell \[4\]"):
        check_saved(file, ahead, patience=0.2)
    saving.join()


def test_a_file_that_is_no_notebook_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text("{")
    kernel = Kernel("k", tmp_path, [""], 0.0, vscode=None, headless=False)
    with pytest.raises(Mistake, match=r"^n\.ipynb is no notebook"):
        check_saved(file, kernel)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("labdock.train()", True),
        ("from labdock import train\njob = train(workers=2)\nprint(job)", True),
        ("x = 1", False),
        ("for n in range(3):\n    labdock.train(name=str(n))", True),
        ("this is no Python", False),
    ],
)
def test_a_cell_that_only_submits(cell: str, expected: bool) -> None:
    assert only_submits(cell) is expected


def test_a_script_is_told_what_to_do_instead() -> None:
    with pytest.raises(Mistake, match=r"labdock\.submit\('train\.py'\)"):
        find_notebook(None)


def test_other_ways_to_a_notebook(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "n.ipynb", "a")
    kernel = Kernel("k", tmp_path, ["", "a"], 0.0, vscode=None, headless=False)
    with pytest.raises(Mistake, match=r"labdock\.submit\('digits\.ipynb'\)"):
        find_notebook(kernel, {"JPY_SESSION_NAME": str(tmp_path / "gone.ipynb")})
    assert find_notebook(kernel, {"JPY_SESSION_NAME": str(file)}) == file
    code = Kernel("k", tmp_path, [""], 0.0, vscode=str(file), headless=False)
    assert find_notebook(code, {}) == file


def test_a_headless_notebook_is_known_by_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "other.ipynb", "b")
    mine = write_notebook(tmp_path / "mine.ipynb", "a", "b")
    kernel = Kernel("k", tmp_path, ["", "a"], 0.0, vscode=None, headless=True)
    assert find_notebook(kernel, {"JPY_SESSION_NAME": "other.ipynb"}) == mine
    either = Kernel("k", tmp_path, ["", "b"], 0.0, vscode=None, headless=True)
    with pytest.raises(Mistake, match="could not be found"):
        find_notebook(either, {})


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture(scope="module")
def jupyter(
    service: RunningService, tensorflow_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    environ = kernel_environ(service, tensorflow_python)
    folder = tmp_path_factory.mktemp("jupyter")
    with jupyter_server(tensorflow_python, folder, environ) as server:
        yield server


@pytest.fixture
def opened(jupyter: JupyterServer) -> Iterator[tuple[Session, Path]]:
    folder = jupyter.root / "project"
    folder.mkdir(exist_ok=True)
    file = write_notebook(folder / "digits.ipynb", "x = 1", "import labdock", "labdock.train()")
    session = jupyter.open(file)
    yield session, file
    session.shut()


def test_a_kernel_finds_its_notebook_also_when_it_was_renamed(
    opened: tuple[Session, Path],
) -> None:
    session, file = opened
    assert session.text(FIND).strip() == str(file)
    moved = file.rename(file.parent / "numbers.ipynb")
    session.rename("project/numbers.ipynb")
    assert session.text("print(s.find_notebook(kernel).resolve())").strip() == str(moved)


def test_a_notebook_trains_itself_once_it_is_saved(
    service: RunningService, opened: tuple[Session, Path]
) -> None:
    session, file = opened
    assert "save the notebook first" in session.text("x = 2", "import labdock", "labdock.train()")
    write_notebook(file, "x = 2", "import labdock", "labdock.train()")
    assert "save the notebook" not in session.text(
        "job = labdock.train(workers=2, without=['seed'])"
    )
    (job,) = service.client().jobs(limit=1)
    assert (job.entry, job.workers, job.owner) == ("digits.ipynb", 2, "ada")
    assert job.disable == ["seed"]
