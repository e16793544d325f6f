"""The runtime as a layer: the standard library is enough for it, on every Python that it is for."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import labdock_runtime

PACKAGE = Path(labdock_runtime.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = {"cells"}
"""Modules that are themselves imported where a notebook runs only, beside papermill."""


def imported_at_once(body: list[ast.stmt]) -> Iterator[str]:
    """What is imported when a module is, not when a function of it is called."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            yield from imported_at_once(inner)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.stem)
def test_a_module_needs_the_standard_library_only(file: Path) -> None:
    known = {*sys.stdlib_module_names, "labdock_runtime"}
    found = set(imported_at_once(ast.parse(file.read_bytes()).body))
    assert file.stem in NOTEBOOKS or found <= known


def test_every_module_is_imported_where_nothing_is_installed() -> None:
    names = [f"labdock_runtime.{file.stem}" for file in MODULES if file.stem not in NOTEBOOKS]
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        f"import importlib; [importlib.import_module(n) for n in {names}]\n"
        "known = {*sys.stdlib_module_names, 'labdock_runtime', '__main__'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} - known))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.stem)
def test_a_module_is_written_for_the_oldest_python(file: Path) -> None:
    about = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    oldest = re.fullmatch(r">=3\.(\d+)", about["requires-python"])
    assert oldest
    ast.parse(file.read_bytes(), feature_version=(3, int(oldest[1])))


def test_the_layer_and_the_package_have_one_version() -> None:
    about = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert about["version"] == labdock_runtime.__version__
    assert about["dependencies"] == []
