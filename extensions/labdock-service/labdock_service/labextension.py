"""JupyterLab's extension, built from this checkout by the Node.js of a wheel.

What is built lies in the cache by the digest of its sources, beside the file that makes a wheel
of it. Types are not looked at here: `make check` does that.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from labdock_service.bootstrap import CHECKOUT
from labdock_service.folders import delete_folder, made_beside
from labdock_service.nodejs import node, npm_ci
from labdock_service.setupstep import run_step

NAME = "labdock-lab"
PACKAGE = CHECKOUT / "extensions" / NAME
FOLDERS = ("src", "style")
FILES = (
    "package.json",
    "package-lock.json",
    "builder.config.cjs",
    "pyproject.toml",
    "install.json",
)
BUILDER = "node_modules/@jupyter/builder/lib/build-labextension.js"
CORE = "node_modules/@jupyterlab/core-meta/core.package.json"
"""What JupyterLab itself brings, and shares with its extensions."""


def sources_digest() -> str:
    """Of everything that the extension is built from."""
    hashed = hashlib.sha256()
    for file in _sources():
        hashed.update(f"{file.relative_to(PACKAGE)}\0".encode())
        hashed.update(hashlib.sha256(file.read_bytes()).digest())
    return hashed.hexdigest()


def _sources() -> Iterable[Path]:
    below = [file for name in FOLDERS for file in PACKAGE.glob(f"{name}/**/*") if file.is_file()]
    return sorted([*below, *(PACKAGE / name for name in FILES)])


def ensure_labextension(cache: Path, report: Callable[[str], None]) -> Path:
    """Build it where it is missing; returns the folder that a wheel is made of.

    Raises InstallationFailed.
    """
    folder = cache / "labextension" / sources_digest()[:16]
    if not folder.exists():
        with made_beside(folder) as fresh:
            _build(fresh, report)
    return folder


def _build(folder: Path, report: Callable[[str], None]) -> None:
    for name in FILES:
        shutil.copy(PACKAGE / name, folder)
    for name in FOLDERS:
        shutil.copytree(PACKAGE / name, folder / name)
    report("what builds JupyterLab's extension (about 110 MB, kept for no longer)")
    run_step(npm_ci("--omit=dev"), cwd=folder)
    report("JupyterLab's extension")
    run_step(build_command(folder), cwd=folder, quiet=True)
    delete_folder(folder / "node_modules")


def build_command(folder: Path, *options: str) -> list[str]:
    """The command that builds the extension in a folder with its node_modules."""
    core = ("--core-package-file", str(folder / CORE))
    return [str(node()), str(folder / BUILDER), *core, *options, str(folder)]
