"""Functions that run after an import, and nothing that is imported without need."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.runtime import RUNTIME

from labdock_runtime.hooks import AfterImport


def never(module: ModuleType) -> None:
    raise AssertionError(f"{module} was not imported")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    return tmp_path


def test_a_hook_runs_once_with_the_whole_module(folder: Path) -> None:
    package = folder / "hooked_package"
    package.mkdir()
    (package / "__init__.py").write_text("from hooked_package.part import value\nlast = 1\n")
    (package / "part.py").write_text("value = 2\n")
    seen: list[ModuleType] = []
    AfterImport({"hooked_package": seen.append}).install()
    assert find_spec("hooked_package") is not None, "looking must not use the hook up"
    module = importlib.import_module("hooked_package")
    importlib.import_module("hooked_package.part")
    assert seen == [module] and module.last == 1
    assert module.__spec__ is not None and "Hooked" not in type(module.__spec__.loader).__name__


def test_a_module_that_is_missing_stays_missing(folder: Path) -> None:
    del folder
    AfterImport({"hooked_nowhere": never}).install()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("hooked_nowhere")


def test_an_import_that_fails_runs_no_hook(folder: Path) -> None:
    (folder / "hooked_broken.py").write_text("1 / 0\n")
    AfterImport({"hooked_broken": never}).install()
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("hooked_broken")


def test_the_runtime_imports_little(tmp_path: Path) -> None:
    code = "import sys; import labdock_runtime.__main__, labdock_runtime.strategy;"
    heavy = "{'asyncio', 'inspect', 'logging', 'subprocess', 'numpy', 'tensorflow', 'keras'}"
    command = [sys.executable, "-I", "-S", "-c"]
    place = f"import sys; sys.path.insert(0, {str(RUNTIME)!r});"
    shown = subprocess.check_output(
        [*command, place + code + f"print(sorted({heavy} & set(sys.modules)))"], cwd=tmp_path
    )
    assert shown.decode().strip() == "[]"
