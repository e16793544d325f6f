"""Whether a job's parameters and arguments reach its code, before anything is sent."""

from __future__ import annotations

import ast
import json
import keyword
from collections.abc import Collection, Mapping
from typing import Any

from labdock.errors import Mistake
from labdock.notebook import python_of, read_notebook, tagged_cell


def check(entry: str, parameters: Mapping[str, Any], arguments: Collection[str]) -> None:
    """Raise a Mistake for what is no parameter, or is of no use to this kind of entry."""
    if parameters and entry.endswith(".py"):
        raise Mistake(
            f"{entry} is a script, which takes no parameters: give it arguments, "
            f"as in `labdock submit {entry} -- --epochs 10`."
        )
    if arguments and entry.endswith(".ipynb"):
        raise Mistake(
            f"{entry} is a notebook, which takes no arguments: give it parameters, "
            f"as in `labdock submit {entry} -p epochs=10`."
        )
    for name, value in parameters.items():
        check_name(name)
        _check_finite(name, value)


def check_name(name: str) -> None:
    """Raise a Mistake for what cannot be the name of a variable."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Mistake(f"{name!r} is no parameter's name: give that of a variable.")


def _check_finite(name: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False, default=repr)
    except ValueError:
        raise Mistake(
            f"The parameter {name} is not finite, which JSON does not know: "
            "give a number that is, or text."
        ) from None


def check_cell(entry: str, data: bytes, parameters: Mapping[str, Any]) -> None:
    """Raise a Mistake for a parameter that the notebook's cell of parameters does not set."""
    cell = tagged_cell(read_notebook(data), "parameters")
    if cell is None:
        raise Mistake(
            f"{entry} has no cell of parameters: give the tag `parameters` to the cell "
            f"that sets {', '.join(parameters)}."
        )
    names = _names(cell)
    missing = [name for name in parameters if names is not None and name not in names]
    if missing:
        known = f"it sets {', '.join(names)}" if names else "it sets nothing"
        raise Mistake(
            f"The cell of parameters of {entry} does not set {', '.join(missing)}: {known}."
        )


def _names(cell: str) -> list[str] | None:
    """The names that a cell sets, in order; none where it cannot be read."""
    try:
        tree = ast.parse(python_of(cell))
    except (SyntaxError, ValueError):
        return None
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(node.id for node in nodes if isinstance(node.ctx, ast.Store)))
