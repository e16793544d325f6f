"""Reading a notebook: its code, its `%pip install` lines, and what of it is code."""

from __future__ import annotations

import ast
import json
import re
import shlex
import warnings
from typing import Any

PYTHON_CELL_MAGICS = {"time", "timeit", "capture", "prun", "memit", "mprun"}
SHELL_CELL_MAGICS = {"bash", "sh", "!", "script"}

MAGIC_LINE = re.compile(r"\s*(?:[%!?]|[\w., \[\]'\"]+=\s*[%!]\s*[A-Za-z/({])")
HELP_LINE = re.compile(r"\s*[\w.*%]+\?{1,2}\s*$")
CONTINUED_MAGIC = re.compile(r"^[ \t]*[%!](?:.*\\\n)+.*", re.MULTILINE)
PIP_INSTALL = re.compile(
    r"(?:^|&&|;)\s*[%!]?\s*(?:\S*(?:python[\d.]*|sys\.executable\S*)\s+-m\s+)?"
    r"(?:uv\s+)?pip[\d.]*\s+install\s+"
)
SHELL_STOPS = {"&&", "||", ";", "|", "&", ">", ">>"}


class NotANotebook(ValueError):
    """The text is no notebook of the format that Jupyter writes today."""


def read_notebook(data: bytes) -> dict[str, Any]:
    """Parse a notebook (nbformat 4). Raises NotANotebook with a sentence's end."""
    try:
        notebook = json.loads(data)
    except ValueError:
        raise NotANotebook("is no notebook that can be read: open it and save it again") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise NotANotebook("is no notebook that can be read: open it and save it again")
    if notebook["nbformat"] != 4 or not isinstance(notebook.get("cells"), list):
        raise NotANotebook("is in an old format: open it in JupyterLab and save it")
    return notebook


def language(notebook: dict[str, Any]) -> str:
    """The language of the notebook's kernel; Python where it does not say."""
    metadata = _table(notebook, "metadata")
    spoken = _table(metadata, "kernelspec").get("language")
    return str(spoken or _table(metadata, "language_info").get("name") or "python").lower()


def source_of(cell: dict[str, Any]) -> str:
    """A cell's text, which a file may hold as one string or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def code_cells(notebook: dict[str, Any]) -> list[str]:
    """The text of every code cell, in order."""
    cells = (cell for cell in notebook["cells"] if isinstance(cell, dict))
    return [source_of(cell) for cell in cells if cell.get("cell_type") == "code"]


def tagged_cell(notebook: dict[str, Any], tag: str) -> str | None:
    """The text of the first cell that has this tag."""
    for cell in notebook["cells"]:
        if isinstance(cell, dict) and tag in (_table(cell, "metadata").get("tags") or []):
            return source_of(cell)
    return None


def stripped(notebook: dict[str, Any]) -> bytes:
    """The notebook without what running, looking at or saving it changes.

    Outputs, execution counts and metadata are left out, except for tags (which mark the
    cell of parameters) and the kernel's name. So running a notebook again, folding a cell, or
    the first save in JupyterLab, which titles the kernel anew, gives the same bytes, and what
    a person saw while trying travels nowhere.
    """
    plain = {
        "cells": [_plain_cell(cell) for cell in notebook["cells"] if isinstance(cell, dict)],
        "metadata": _plain_metadata(notebook),
        "nbformat": 4,
        "nbformat_minor": notebook.get("nbformat_minor", 5),
    }
    text = json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def python_of(cell: str) -> str:
    """A code cell as plain Python.

    A line of IPython's own becomes a list of the Python files that it names.
    """
    if _parses(cell):
        return cell
    magic = re.match(r"\s*%%(\S*).*\n?", cell)
    if magic:
        return python_of(cell[magic.end() :]) if magic[1] in PYTHON_CELL_MAGICS else ""
    lines = _joined(cell).splitlines()
    return "\n".join(_without_magic(line) for line in lines)


def pip_arguments(cell: str) -> list[list[str]]:
    """The arguments of every `%pip install` or `!pip install` of a cell.

    The lines of a `%%bash` cell count as well.
    """
    if _parses(cell):
        return []
    magic = re.match(r"\s*%%(\S*).*\n?", cell)
    if magic:
        inner = cell[magic.end() :]
        if magic[1] in PYTHON_CELL_MAGICS:
            return pip_arguments(inner)
        return _pip_commands(inner, mark="") if magic[1] in SHELL_CELL_MAGICS else []
    return _pip_commands(_joined(cell), mark="%!")


def _plain_cell(cell: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: cell[key] for key in ("cell_type", "id", "attachments") if key in cell
    }
    tags = _table(cell, "metadata").get("tags")
    kept |= {"source": source_of(cell), "metadata": {"tags": tags} if tags else {}}
    if cell.get("cell_type") == "code":
        kept |= {"outputs": [], "execution_count": None}
    return kept


def _plain_metadata(notebook: dict[str, Any]) -> dict[str, Any]:
    """The kernel's name and language: what JupyterLab makes of them at a save is the same."""
    spoken = language(notebook)
    named = _table(_table(notebook, "metadata"), "kernelspec").get("name")
    name = str(named or ("python3" if spoken == "python" else spoken))
    return {
        "kernelspec": {"name": name, "display_name": name, "language": spoken},
        "language_info": {"name": spoken},
    }


def _table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _joined(cell: str) -> str:
    """A cell with IPython's continued lines as one line each."""
    return CONTINUED_MAGIC.sub(lambda match: re.sub(r"\\\n\s*", " ", match[0]), cell)


def _without_magic(line: str) -> str:
    if MAGIC_LINE.match(line) or HELP_LINE.match(line):
        indent = line[: len(line) - len(line.lstrip())]
        return indent + repr([word for word in line.split() if word.endswith(".py")])
    return line


def _pip_commands(text: str, mark: str) -> list[list[str]]:
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line for line in lines if not mark or line[:1] in tuple(mark)]
    return [
        _until_stop(line[match.end() :]) for line in wanted for match in PIP_INSTALL.finditer(line)
    ]


def _until_stop(rest: str) -> list[str]:
    """The words of a shell command up to a pipe, a redirection or the next command."""
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        words = rest.split()
    arguments: list[str] = []
    for word in words:
        if word in SHELL_STOPS or re.match(r"[12&]?>{1,2}(?!=)", word):
            break
        arguments.append(word.rstrip(";"))
        if word.endswith(";"):
            break
    return arguments
