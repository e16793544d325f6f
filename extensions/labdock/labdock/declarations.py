"""The parameters that a notebook declares: what its cell tagged `parameters` sets, and to what.

The cell is read and never run. What only running it would tell is a parameter of any kind.
"""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from typing import Any

from labdock.inputs import Parameter, ParameterKind
from labdock.notebook import NotANotebook, python_of, read_notebook, tagged_cell

LONGEST_TEXT = 60
"""How much of a default's text is kept."""

COMPUTED = "computed"
"""What stands for a default that depends on how the cell runs."""

_KINDS: dict[str, ParameterKind] = {
    **{name: name for name in ("bool", "int", "float", "str", "list", "dict")},
    **{"tuple": "list", "List": "list", "Tuple": "list", "Sequence": "list"},
    **{"Dict": "dict", "Mapping": "dict"},
}
_TYPES: list[tuple[type | tuple[type, ...], ParameterKind]] = [
    (bool, "bool"),  # before int, which it is as well
    (int, "int"),
    (float, "float"),
    (str, "str"),
    ((list, tuple), "list"),
    (dict, "dict"),
]


class NotReadable(ValueError):
    """The cell of parameters is no Python that can be read."""


def declared(data: bytes) -> list[Parameter] | None:
    """The parameters of a notebook, in order; none where it has no cell for them.

    Raises NotReadable.
    """
    try:
        cell = tagged_cell(read_notebook(data), "parameters")
    except (NotANotebook, RecursionError):
        return None
    return None if cell is None else read_cell(cell)


def read_cell(cell: str) -> list[Parameter]:
    """The parameters that a cell sets. Raises NotReadable."""
    reader = _Reader()
    try:
        reader.visit(ast.parse(python_of(cell)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotReadable from None
    return list(reader.found.values())


class _Reader(ast.NodeVisitor):
    """Goes through a cell's statements as they stand, with the last word on each name."""

    def __init__(self) -> None:
        self.found: dict[str, Parameter] = {}
        self._depth = 0

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._set(target, node.value)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._add(_annotated(node.target.id, node))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._depend(node.id)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _OWN_NAMES):
            return
        self._depth += isinstance(node, ast.stmt)
        super().generic_visit(node)
        self._depth -= isinstance(node, ast.stmt)

    def _set(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._add(_plain(target.id, value))
        elif (
            isinstance(target, ast.Tuple | ast.List)
            and isinstance(value, ast.Tuple | ast.List)
            and len(target.elts) == len(value.elts)
        ):
            for one, its in zip(target.elts, value.elts, strict=True):
                self._set(one, its)
        else:
            self.visit(target)

    def _add(self, parameter: Parameter) -> None:
        if self._depth:
            self._depend(parameter.name)
        else:
            self.found[parameter.name] = parameter

    def _depend(self, name: str) -> None:
        """Note a value that depends on how the cell runs: in a loop, under a condition, or so."""
        known = self.found.get(name, Parameter(name=name))
        self.found[name] = replace(known, default=None, text=COMPUTED)


_OWN_NAMES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
"""What has names of its own."""


def _plain(name: str, value: ast.expr) -> Parameter:
    """A parameter whose kind is that of its default."""
    found, known = _literal(value)
    if not known or found is None:
        return Parameter(name=name, text=_text(value), optional=known)
    return Parameter(name=name, kind=_kind_of(found), default=found, text=_text(value))


def _kind_of(value: object) -> ParameterKind:
    return next((kind for types, kind in _TYPES if isinstance(value, types)), "any")


def _annotated(name: str, node: ast.AnnAssign) -> Parameter:
    """A parameter that says of what kind it is, with or without a default."""
    kind, optional = _of_annotation(node.annotation)
    if node.value is None:
        return Parameter(name=name, kind=kind, optional=optional)
    found, known = _literal(node.value)
    optional = optional or (known and found is None)
    return Parameter(name=name, kind=kind, default=found, text=_text(node.value), optional=optional)


def _literal(node: ast.expr) -> tuple[Any, bool]:
    """A value that can be read without running anything, and kept as JSON."""
    try:
        value = ast.literal_eval(node)
        return json.loads(json.dumps(_keyed_by_text(value), allow_nan=False)), True
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None, False


def _keyed_by_text(value: Any) -> Any:
    """The value itself, unless JSON would change the keys of a dictionary."""
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        raise TypeError
    return value


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _of_annotation(node: ast.expr) -> tuple[ParameterKind, bool]:
    """The kind that an annotation names, and whether None is allowed."""
    match node:
        case ast.Constant(value=str(text)):
            return _of_text(text)
        case ast.Subscript(value=base, slice=inner) if _word(base) == "Optional":
            return _of_annotation(inner)[0], True
        case ast.Subscript(value=base):
            return _KINDS.get(_word(base), "any"), False
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(left, right)
        case _:
            return _KINDS.get(_word(node), "any"), False


def _either(left: ast.expr, right: ast.expr) -> tuple[ParameterKind, bool]:
    sides = [side for side in (left, right) if not _is_none(side)]
    found = [_of_annotation(side) for side in sides]
    kinds = {kind for kind, _ in found}
    optional = len(sides) < 2 or any(allows for _, allows in found)
    if len(kinds) == 1:
        return kinds.pop(), optional
    return ("float" if kinds == {"int", "float"} else "any"), optional


def _of_text(text: str) -> tuple[ParameterKind, bool]:
    try:
        return _of_annotation(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return "any", False


def _word(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
