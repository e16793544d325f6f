"""Requirement specifiers out of `requirements.txt`, `pyproject.toml` and pip's arguments.

What names a package of an index is taken. What only one machine or one address has (an
editable install, a folder, a URL, an index of one's own) is refused with a sentence,
because a job could not be made again from it.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from labdock.errors import Mistake

HARMLESS_FLAGS = {
    "-q", "-qq", "-qqq", "--quiet", "-v", "--verbose", "-U", "--upgrade", "--user",
    "--no-cache-dir", "--no-cache", "--disable-pip-version-check", "--no-input",
    "--force-reinstall", "--ignore-installed", "-I", "-y", "--break-system-packages",
    "--root-user-action", "--no-warn-script-location", "--prefer-binary", "--system",
    "--no-warn-conflicts", "--no-python-version-warning", "--require-hashes",
}  # fmt: skip
FLAGS_WITH_VALUE = {
    "--progress-bar", "--timeout", "--default-timeout", "--retries", "--upgrade-strategy",
    "--only-binary", "--root-user-action", "--cache-dir", "--log", "--python", "-p",
}  # fmt: skip
REQUIREMENT_FILE = ("-r", "--requirement", "--requirements")

WHAT_TO_WRITE = "Write the name of a package and its version, as in `pandas>=2.2`"


def normalised(text: str, where: str) -> str:
    """One requirement specifier in its one written form, or a Mistake that says where it is."""
    refuse_places(text, where)
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise Mistake(f"{where} has `{text}`, which is no requirement. {WHAT_TO_WRITE}.") from None
    if requirement.url:
        raise Mistake(f"{where} has `{text}`, which is fetched from a URL. {WHAT_TO_WRITE}.")
    requirement.name = str(canonicalize_name(requirement.name))
    return str(requirement)


def refuse_places(text: str, where: str) -> None:
    """Refuse what is a folder, a file or a URL and not the name of a package."""
    place = re.match(r"\w+(?:\+\w+)?://|[./~]|[A-Za-z]:\\", text)
    if place or re.search(r"\.(?:whl|zip|tar\.gz)$", text):
        raise Mistake(
            f"{where} has `{text}`, a place that a job cannot install from. {WHAT_TO_WRITE}, "
            "or put the code into the project's folder."
        )


def from_requirements_file(
    path: Path, folder: Path, seen: frozenset[Path] = frozenset()
) -> list[str]:
    """The requirements of a file in pip's format, and of those that it names with `-r`.

    Hashes are left out: the lock makes its own.
    """
    where = path.relative_to(folder).as_posix()
    if path in seen:
        raise Mistake(f"{where} names itself with `-r`: take that line out.")
    found: list[str] = []
    for line in _logical_lines(_text(path, where)):
        if line.startswith("-"):
            arguments = shlex.split(line.replace("=", " ", 1) if line[:2] == "--" else line)
            found += from_pip_arguments(arguments, where, path.parent, folder, seen | {path})
        else:
            found.append(normalised(re.split(r"\s--hash[= ]", line)[0].strip(), where))
    return found


def from_pip_arguments(
    arguments: list[str], where: str, base: Path, folder: Path, seen: frozenset[Path] = frozenset()
) -> list[str]:
    """The requirements that arguments of `pip install` name; `base` is where `-r` looks."""
    found: list[str] = []
    rest = iter(arguments)
    for word in rest:
        flag, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if flag in FLAGS_WITH_VALUE:
            value or next(rest, None)
        elif flag in REQUIREMENT_FILE:
            file = _inside(base / (value or next(rest, "")), folder, where)
            found += from_requirements_file(file, folder, seen)
        elif flag.startswith("-") and flag not in HARMLESS_FLAGS:
            raise Mistake(f"{where} has `{word}`, which a lock cannot keep. {WHAT_TO_WRITE}.")
        elif not flag.startswith("-"):
            found.append(normalised(word, where))
    return found


def from_pyproject(path: Path) -> list[str] | None:
    """`[project] dependencies` of a pyproject.toml; None where it has no such list."""
    try:
        document = tomllib.loads(_text(path, path.name))
    except tomllib.TOMLDecodeError as error:
        raise Mistake(f"pyproject.toml cannot be read: {error}.") from None
    project = document.get("project")
    if not isinstance(project, dict):
        return None
    if "dependencies" in project.get("dynamic", ()):
        raise Mistake(
            "pyproject.toml leaves its dependencies to a build: list them in requirements.txt."
        )
    lines = project.get("dependencies")
    if lines is None:
        return None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Mistake("pyproject.toml: `dependencies` has to be a list of texts.")
    return [normalised(line, path.name) for line in lines]


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments, continued ones joined."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield plain


def _text(path: Path, where: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Mistake(f"{where} cannot be read: {error.strerror}.") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise Mistake(f"{where} is not UTF-8 text: save it as UTF-8.") from None


def _inside(path: Path, folder: Path, where: str) -> Path:
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise Mistake(f"{where} names {path.name} outside the project's folder: copy it in.")
    return real
