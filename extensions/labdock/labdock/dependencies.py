"""What a project's code needs beyond its environment, before it is locked.

`requirements.txt` says it, or `[project] dependencies` of `pyproject.toml`, and the
`%pip install` lines of a notebook beside either. Where there is none of these it is what
the entry imports, directly or through modules of the project, that the environment lacks:
at the versions installed here and now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from labdock import notebook
from labdock.distributions import likely_distribution, provided
from labdock.imports import reachable_imports
from labdock.requirement_lines import from_pip_arguments, from_pyproject, from_requirements_file
from labdock.schema import Environment, Requirements

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NEVER_NEEDED = {"labdock", "labdock_runtime", "__main__"}
"""Modules that a job has, or has no use for."""


@dataclass(frozen=True)
class Installed:
    """What an interpreter has: modules (dotted) to distributions, and their versions.

    `unpublished` are distributions that came from a folder or a URL and from no index.
    """

    modules: Mapping[str, Sequence[str]]
    versions: Mapping[str, str]
    unpublished: frozenset[str] = frozenset()

    def distribution_of(self, module: str, preferred: Collection[str]) -> str | None:
        """The distribution that holds a module, one of the preferred if there are several."""
        parts = module.split(".")
        for count in range(len(parts), 0, -1):
            holders = self.modules.get(".".join(parts[:count]))
            if holders:
                names = sorted(str(canonicalize_name(holder)) for holder in holders)
                return next((name for name in names if name in preferred), names[0])
        return None


@dataclass
class Found:
    """Requirements, and sentences about what could not be told."""

    requirements: Requirements
    warnings: list[str] = field(default_factory=list)


def installed_here() -> Installed:
    """What the running interpreter has."""
    from importlib import metadata

    modules = {name: list(set(held)) for name, held in metadata.packages_distributions().items()}
    shared = {name for name, held in modules.items() if len(held) > 1}
    versions: dict[str, str] = {}
    unpublished: set[str] = set()
    for distribution in metadata.distributions():
        name = str(canonicalize_name(distribution.name))
        versions.setdefault(name, distribution.version)
        if _is_unpublished(distribution):
            unpublished.add(name)
        if any(distribution.name in modules[top] for top in shared):
            for module in _shared_modules(distribution, shared):
                modules.setdefault(module, []).append(name)
    return Installed(modules, versions, frozenset(unpublished))


def find_requirements(
    folder: Path,
    entry: str,
    paths: Collection[str],
    environment: Environment,
    installed: Callable[[], Installed] = installed_here,
) -> Found:
    """What the entry needs beyond the environment. `paths` are the project's files."""
    read = _Reader(folder)
    piped = [line for cell in read.cells(entry) for line in _pip_lines(cell, folder, entry)]
    if (folder / "requirements.txt").is_file():
        lines = from_requirements_file(folder / "requirements.txt", folder)
        return Found(Requirements(lines=sorted({*lines, *piped}), origin="requirements.txt"))
    if (folder / "pyproject.toml").is_file():
        listed = from_pyproject(folder / "pyproject.toml")
        if listed is not None:
            return Found(Requirements(lines=sorted({*listed, *piped}), origin="pyproject.toml"))
    if piped:
        return Found(Requirements(lines=sorted(set(piped)), origin="notebook"))
    return _from_imports(reachable_imports(entry, paths, read), paths, environment, installed)


class _Reader:
    """Reads the code of a project's files, piece by piece."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def cells(self, path: str) -> list[str]:
        if not path.endswith(".ipynb"):
            return []
        return notebook.code_cells(notebook.read_notebook((self.folder / path).read_bytes()))

    def __call__(self, path: str) -> Iterable[str | bytes]:
        if path.endswith(".ipynb"):
            return map(notebook.python_of, self.cells(path))
        return [(self.folder / path).read_bytes()]


def _pip_lines(cell: str, folder: Path, entry: str) -> list[str]:
    where = f"A pip install line of {entry}"
    base = (folder / entry).parent
    return [
        line
        for arguments in notebook.pip_arguments(cell)
        for line in from_pip_arguments(arguments, where, base, folder)
    ]


def _from_imports(
    modules: set[str],
    paths: Collection[str],
    environment: Environment,
    installed: Callable[[], Installed],
) -> Found:
    has = provided(environment.packages)
    foreign = sorted(name for name in modules if name.partition(".")[0] not in NEVER_NEEDED)
    unclear = [name for name in foreign if likely_distribution(name) not in has]
    if not unclear:
        return Found(Requirements())
    here = installed()
    lines: set[str] = set()
    warnings: dict[str, None] = {}
    for module in unclear:
        likely = likely_distribution(module)
        name = here.distribution_of(module, has) or (likely if likely in here.unpublished else None)
        if name is None:
            if not _in_project(module, paths):
                warnings[_missing(module, environment)] = None
        elif name in here.unpublished and name not in has:
            warnings[_unpublished(name)] = None
        elif name not in has:
            lines.add(f"{name}=={_public(here.versions[name])}")
    origin: Literal["imports", "none"] = "imports" if lines else "none"
    return Found(Requirements(lines=sorted(lines), origin=origin), list(warnings))


def _missing(module: str, environment: Environment) -> str:
    top = module.partition(".")[0]
    return (
        f"The code imports {top}, which is neither installed here nor in {environment.name}: "
        f"where a job needs it, list {likely_distribution(module)} in requirements.txt."
    )


def _unpublished(name: str) -> str:
    return (
        f"{name} is installed here from a folder or a URL, which a job cannot do: where a job "
        "needs it, put its code into the project's folder."
    )


def _in_project(module: str, paths: Collection[str]) -> bool:
    top = module.partition(".")[0]
    ends = (f"/{top}.py", f"/{top}/")
    return any(end in f"/{path}" for path in paths for end in ends)


def _public(version: str) -> str:
    """A version without the local part (`+cpu`), which an index does not know."""
    try:
        return Version(version).public
    except InvalidVersion:
        return version


def _is_unpublished(distribution: Distribution) -> bool:
    try:
        return json.loads(distribution.read_text("direct_url.json") or "null") is not None
    except ValueError:
        return False


def _shared_modules(distribution: Distribution, shared: Collection[str]) -> set[str]:
    """The dotted modules that a distribution holds below names it shares with others."""
    found: set[str] = set()
    for file in distribution.files or ():
        if file.parts[0] in shared and file.suffix in (".py", ".so"):
            parts = (
                file.parent.parts
                if file.name == "__init__.py"
                else (*file.parts[:-1], file.name.partition(".")[0])
            )
            found.add(".".join(parts))
    return found - set(shared)
