"""A person's home: data roots as links, the welcome folder, and a place for pip.

Everything here may be called again at every start, and never touches what the person made.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labdock_service.jsonfile import write_json

OWN = ".labdock"
"""The folder in a home that holds what Labdock itself keeps there."""

LEFT_OUT = frozenset({"verify", "__pycache__", ".ipynb_checkpoints"})
"""Names in `examples/` that are for Labdock's own tests."""


PROJECT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""Names of projects that have a data root."""


@dataclass(frozen=True)
class Overlay:
    """A person's own virtual environment over a read-only one: what `%pip install` writes to."""

    folder: Path
    environment: Path

    @property
    def python(self) -> Path:
        """The Python of the person's kernels and terminals."""
        return self.folder / "bin/python"

    @property
    def path(self) -> str:
        """The folders of programs, the person's own first."""
        return f"{self.folder / 'bin'}{os.pathsep}{self.environment / 'bin'}"

    @property
    def jupyter_path(self) -> Path:
        """Where Jupyter finds the kernel of this environment."""
        return self.folder / "share/jupyter"


def root_links(roots: Path, projects: Iterable[str]) -> dict[str, Path]:
    """The data roots of these projects, by their path below a home, a job's as a person's."""
    names = ["data", *(f"projects/{name}" for name in projects if PROJECT.fullmatch(name))]
    return {name: roots / name for name in names}


def make_home(home: Path, roots: Path, projects: Iterable[str]) -> None:
    """Make the home, with a link to the data roots that the person may use."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / OWN).mkdir(mode=0o700, exist_ok=True)
    (home / "projects").mkdir(exist_ok=True)
    wanted = {home / name: root for name, root in root_links(roots, projects).items()}
    for link, root in wanted.items():
        root.mkdir(parents=True, exist_ok=True)
        _ensure_link(link, root)
    for link in (home / "projects").iterdir():
        if link.is_symlink() and link not in wanted and _leads_to(link, roots):
            link.unlink()


def welcome(home: Path, examples: Path) -> None:
    """Copy the examples into `welcome/`, each file once.

    A file that the person changed or deleted stays as they left it; one they left alone
    follows a newer Labdock.
    """
    record = home / OWN / "welcome.json"
    copied = _read(record)
    for source in _files(examples):
        name = str(Path("examples") / source.relative_to(examples))
        target = home / "welcome" / name
        if (name not in copied and not target.exists()) or _digest(target) == copied.get(name, ""):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            copied[name] = _digest(target)
    write_json(record, copied)


def _read(record: Path) -> dict[str, str]:
    """What was copied before; nothing where the record is not there or broken."""
    try:
        return dict(json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def make_overlay(home: Path, environment: Path, title: str, digest: str = "") -> Overlay:
    """Make the person's own virtual environment over the environment's, where it is missing.

    It is named by the digest, which of a `local` environment is its folder's name.
    """
    name = (digest.removeprefix("sha256:") or environment.parent.name)[:16]
    overlay = Overlay(home / OWN / "environments" / name, environment)
    kernel = overlay.jupyter_path / "kernels/python3/kernel.json"
    if not kernel.exists():
        python = environment / "bin/python"
        command = [str(python), "-I", "-m", "venv", "--without-pip", str(overlay.folder)]
        subprocess.run(command, check=True, capture_output=True)
        _show_environment(overlay)
        _write_programs(overlay)
        kernel.parent.mkdir(parents=True, exist_ok=True)
        write_json(kernel, _kernel_spec(overlay, title))  # last: with a kernel it is whole
    return overlay


def _show_environment(overlay: Overlay) -> None:
    """Let Python find the environment's packages after the person's own."""
    (own,) = overlay.folder.glob("lib/python*/site-packages")
    (shared,) = overlay.environment.glob("lib/python*/site-packages")
    (own / "labdock-environment.pth").write_text(f"import site; site.addsitedir({str(shared)!r})\n")


def _write_programs(overlay: Overlay) -> None:
    """`pip` and `labdock` that see the person's own packages."""
    programs = {
        "pip": "-P -m pip",
        "labdock": "-P -c 'import sys; from labdock.cli import main; sys.exit(main())'",
    }
    for name, arguments in programs.items():
        file = overlay.folder / "bin" / name
        file.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/python" {arguments} "$@"\n')
        file.chmod(0o755)


def _kernel_spec(overlay: Overlay, title: str) -> dict[str, object]:
    return {
        "argv": [str(overlay.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": title,
        "language": "python",
        "metadata": {"debugger": True},
    }


def _ensure_link(link: Path, target: Path) -> None:
    """Make the link; a file or folder of the person's own of that name stays."""
    if link.is_symlink() and link.readlink() != target:
        link.unlink()
    if not link.exists():
        link.symlink_to(target, target_is_directory=True)


def _leads_to(link: Path, folder: Path) -> bool:
    return link.readlink().is_relative_to(folder)


def _files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and LEFT_OUT.isdisjoint(file.relative_to(folder).parts)
    ]


def _digest(file: Path) -> str:
    """Of a file's content; of one that is not there, nothing that a record holds."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "gone"
