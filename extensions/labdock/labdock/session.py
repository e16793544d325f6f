"""Which notebook this is, and whether its file on disk is what was run."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labdock.errors import Mistake, UnsavedNotebook
from labdock.notebook import NotANotebook, code_cells, python_of, read_notebook, source_of

_CONNECTION_FILE = re.compile(r"kernel-(.+)\.json")
_NOT_FOUND = (
    "This notebook's file could not be found: name it, as in labdock.submit('digits.ipynb')."
)
_NO_NOTEBOOK = (
    "labdock.train() is for notebooks: submit a script with labdock.submit('train.py'), "
    "or with `labdock submit train.py` in a terminal."
)


@dataclass(frozen=True)
class Kernel:
    """The kernel that this code runs in: its id, its files, and what it has executed."""

    id: str
    runtime: Path
    """The folder where Jupyter's servers say where they are."""
    executed: Sequence[str]
    """The cells executed so far, by their number; the running one is the last."""
    started: float
    """When the kernel started; a file that was last written before tells nothing of it."""
    vscode: str | None
    headless: bool
    """Whether nobody could answer a question, as under nbclient and papermill."""


def this_kernel() -> Kernel | None:
    """The IPython kernel that this is, or none in a terminal or a script."""
    shell = ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    import psutil

    file = Path(shell.kernel.parent.abs_connection_file)
    match = _CONNECTION_FILE.fullmatch(file.name)
    return Kernel(
        id=match[1] if match else "",
        runtime=file.parent,
        executed=list(shell.history_manager.input_hist_raw),
        started=psutil.Process().create_time(),
        vscode=shell.user_ns.get("__vsc_ipynb_file__"),
        headless=not _answers(shell.kernel),
    )


def cell_number() -> int | None:
    """The number of the cell that runs now, none outside of IPython."""
    shell = ipython()
    return None if shell is None else int(shell.execution_count)


def ipython() -> Any:
    """IPython's shell, without importing IPython where nobody has."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None


def _answers(kernel: Any) -> bool:
    """Whether the front end that asked for this cell can be asked something in return."""
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin"))


def find_notebook(kernel: Kernel | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of the notebook that this kernel runs, also after it was moved or renamed."""
    if kernel is None:
        raise Mistake(_NO_NOTEBOOK)
    for path in _candidates(kernel, environ):
        if path.is_file():
            return path
    raise Mistake(_NOT_FOUND)


def _candidates(kernel: Kernel, environ: Mapping[str, str]) -> Iterator[Path]:
    """Where the notebook may be, the surest first."""
    if path := _path_by_server(kernel, environ):
        yield path
    if kernel.vscode:
        yield Path(kernel.vscode)
    if kernel.headless:
        yield from _by_contents(kernel, Path.cwd())
    elif name := environ.get("JPY_SESSION_NAME"):
        yield Path(name)


def _path_by_server(kernel: Kernel, environ: Mapping[str, str]) -> Path | None:
    """Ask the Jupyter server that started this kernel where its notebook is now."""
    info_file = kernel.runtime / f"jpserver-{environ.get('JPY_PARENT_PID', '')}.json"
    try:
        info = json.loads(info_file.read_bytes())
    except (OSError, ValueError):
        return None
    token = info.get("token") or environ.get("JUPYTERHUB_API_TOKEN", "")
    for session in _sessions(info["url"], token):
        if session["kernel"]["id"] == kernel.id and session["type"] == "notebook":
            return Path(info["root_dir"], session["path"].removeprefix("RTC:"))
    return None


def _sessions(url: str, token: str) -> list[dict[str, Any]]:
    """The open documents of a Jupyter server, none where it does not answer."""
    import httpx

    headers = {"Authorization": f"token {token}"}
    try:
        answer = httpx.get(f"{url}api/sessions", headers=headers, timeout=5, trust_env=False)
        answer.raise_for_status()
        sessions: list[dict[str, Any]] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return []
    return sessions


def _by_contents(kernel: Kernel, folder: Path) -> Iterator[Path]:
    """The one notebook of the folder that holds every cell that was executed."""
    executed = [source.strip() for source in kernel.executed if source.strip()]
    holding = [path for path in sorted(folder.glob("*.ipynb")) if _holds(path, executed)]
    if len(holding) == 1:
        yield holding[0]


def _holds(path: Path, executed: list[str]) -> bool:
    try:
        cells = {source.strip() for source in code_cells(read_notebook(path.read_bytes()))}
    except (OSError, NotANotebook):
        return False
    return cells.issuperset(executed)


@dataclass(frozen=True)
class _Refusal:
    """That a notebook was refused: after which cell, and when its file was last written."""

    cell: int
    modified: int


_refusals: dict[Path, _Refusal] = {}


def check_saved(path: Path, kernel: Kernel, patience: float = 0.0) -> None:
    """Raise UnsavedNotebook where a cell was executed that is not in the file as it was.

    Where something else saves the file soon, that has `patience` seconds for it.
    """
    until = time.monotonic() + patience
    while (number := _unsaved(path, kernel)) is not None and time.monotonic() < until:
        time.sleep(0.1)
    if number is not None:
        _refusals[path] = _Refusal(len(kernel.executed) - 1, path.stat().st_mtime_ns)
        raise UnsavedNotebook(
            f"Cell [{number}] as you ran it is not in {path.name} on disk: "
            "save the notebook first, then run this cell again."
        )


def _unsaved(path: Path, kernel: Kernel) -> int | None:
    modified = path.stat().st_mtime_ns
    try:
        notebook = read_notebook(path.read_bytes())
    except NotANotebook as error:
        raise Mistake(f"{path.name} {error}.") from None
    refusal = _refusals.get(path)
    settled = refusal.cell if refusal and refusal.modified != modified else 0
    saved_since = modified / 1e9 >= kernel.started
    return unsaved_cell(notebook, kernel.executed, settled=settled, saved_since=saved_since)


def unsaved_cell(
    notebook: Mapping[str, Any],
    executed: Sequence[str],
    *,
    settled: int = 0,
    saved_since: bool = True,
) -> int | None:
    """The number of the first executed cell that is not in the file as it was run.

    Cells up to `settled` are left alone: the person was told and has saved since. Where the
    file was `saved_since` the kernel started, it shows up to which cell it was run when it
    was saved; an older text of a cell that was run before that has been replaced since.
    """
    cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    texts = {source_of(cell).strip() for cell in cells}
    numbered = {cell.get("execution_count") for cell in cells} if saved_since else set()
    shown = max([0, *(_run_here(cell, executed) for cell in cells if saved_since)])
    for number in range(settled + 1, len(executed)):
        text = executed[number].strip()
        replaced = number <= shown and number not in numbered
        only_ends = number == len(executed) - 1 and only_submits(text)
        if text and text not in texts and not replaced and not only_ends:
            return number
    return None


def _run_here(cell: Mapping[str, Any], executed: Sequence[str]) -> int:
    """The number under which this kernel ran the cell as it is in the file, or 0."""
    number = cell.get("execution_count") or 0
    if number < len(executed) and executed[number].strip() == source_of(dict(cell)).strip():
        return int(number)
    return 0


def only_submits(cell: str) -> bool:
    """Whether a cell does nothing in a job: there the first `train()` ends the notebook."""
    try:
        statements = ast.parse(python_of(cell)).body
    except SyntaxError:
        return False
    for statement in statements:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            return any(_is_train(node) for node in ast.walk(statement))
    return False


def _is_train(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return getattr(function, "attr", getattr(function, "id", None)) == "train"
