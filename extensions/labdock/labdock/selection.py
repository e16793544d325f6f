"""Which files of a folder belong to a source.

All do, except for what `.gitignore` and `.labdockignore` list (in the folder, below it, and
above it up to the repository's root; of two rules that match, the one in the deeper folder
counts, and of one folder the last, those of `.labdockignore` after those of `.gitignore`),
and what never travels: secrets, repositories, virtual environments, caches and Labdock's
own state. No rule brings those back.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec
from pathspec.pattern import RegexPattern

from labdock import wording
from labdock.errors import Mistake

IGNORE_FILES = (".gitignore", ".labdockignore")

NEVER = {
    "a secret": (
        ".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.ppk",
        "*.kdbx", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", ".pypirc", ".npmrc",
        ".git-credentials", ".htpasswd", ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker",
    ),
    "a repository's own": (".git", ".hg", ".svn"),
    "Labdock's own": (".labdock",),
    "a cache": (
        "__pycache__", "*.pyc", "*.pyo", ".ipynb_checkpoints", ".cache", ".pytest_cache",
        ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".ds_store",
    ),
    "settings of tools": (".config", ".local", ".ipython", ".jupyter", ".conda", ".*_history"),
}  # fmt: skip
"""What never travels, by why; names in any case, in any folder."""

_NEVER = {
    why: re.compile("|".join(fnmatch.translate(name) for name in names))
    for why, names in NEVER.items()
}


@dataclass(frozen=True)
class Candidate:
    """A file that belongs to the source, or a link with its text as it travels."""

    path: str
    full: Path
    size: int = 0
    executable: bool = False
    link: str | None = None


@dataclass
class Selection:
    """What was found: candidates by path, what was left out and why, and warnings."""

    files: dict[str, Candidate] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def select(folder: Path, entry: str, data_roots: Mapping[str, Path]) -> Selection:
    """Go through a folder (a real path). The entry belongs to it whatever the rules say."""
    walk = _Walk(folder, {name: root.resolve() for name, root in data_roots.items()})
    walk.go("", _rules_above(folder))
    if entry not in walk.found.files:
        walk.take(entry, folder / entry)
    selection = walk.found
    selection.files = dict(sorted(selection.files.items()))
    selection.left_out.sort()
    return selection


@dataclass(frozen=True)
class _Rule:
    """A line of an ignore file."""

    file: str
    pattern: RegexPattern
    only_folders: bool

    def means(self, path: str, is_folder: bool) -> bool:
        """Whether it means this very path, and not only a folder that the path lies in.

        Folders above were asked before, and a rule for one of them may have been overruled.
        The one group of a pattern's expression is the slash after a folder that it means.
        """
        if self.only_folders and not is_folder:
            return False
        texts = (path, f"{path}/") if is_folder else (path,)
        return any(self._ends(text, path) for text in texts)

    def _ends(self, text: str, path: str) -> bool:
        for found in self.pattern.regex.finditer(text) if self.pattern.regex else ():
            folder = found.lastindex
            if found.end(folder) == len(text) if folder else text == path:
                return True
        return False


@dataclass(frozen=True)
class _Rules:
    """The ignore rules that hold in a folder, the deepest last.

    Each is the part of a path that lies above it, and its rules with the file that each is
    from, the last one first. Paths begin at the outermost folder with rules.
    """

    levels: tuple[tuple[str, list[_Rule]], ...] = ()
    above: str = ""

    def within(self, folder: Path, below: str) -> _Rules:
        """These, and what the ignore files of a folder add; `below` is its path."""
        found = [rule for name in IGNORE_FILES for rule in _rules_in(folder / name)]
        return _Rules((*self.levels, (below, found[::-1])), self.above) if found else self

    def why(self, path: str, is_folder: bool) -> str | None:
        """The file whose rule leaves a path out, if one does."""
        whole = self.above + path
        for below, found in reversed(self.levels):
            for rule in found:
                if rule.means(whole[len(below) :], is_folder):
                    return rule.file if rule.pattern.include else None
        return None


class _Walk:
    def __init__(self, folder: Path, data_roots: Mapping[str, Path]) -> None:
        self.folder = folder
        self.data_roots = data_roots
        self.found = Selection()

    def go(self, below: str, rules: _Rules) -> None:
        """Go through a folder of the source and those in it; `below` ends with a slash."""
        rules = rules.within(self.folder / below, rules.above + below)
        for item in self._list(below):
            path = below + item.name
            is_folder = item.is_dir(follow_symlinks=False)
            why = _never(item) or rules.why(path, is_folder)
            if why:
                self.found.left_out.append((path + "/" * is_folder, why))
            elif is_folder:
                self.go(f"{path}/", rules)
            else:
                self.take(path, Path(item.path))

    def take(self, path: str, full: Path) -> None:
        """Add one file or link."""
        _refuse_name(path)
        try:
            status = full.lstat()
        except FileNotFoundError:
            raise Mistake(f"{path} went away while the folder was read: try again.") from None
        if stat.S_ISLNK(status.st_mode):
            self.found.files[path] = Candidate(path, full, link=self._link(path, full))
        elif stat.S_ISREG(status.st_mode):
            executable = bool(status.st_mode & stat.S_IXUSR)
            self.found.files[path] = Candidate(path, full, status.st_size, executable)
        else:
            self.found.left_out.append((path, "no file"))
            self.found.warnings.append(
                f"{path} is a pipe, a socket or a device and stays here: a job does not get it."
            )

    def _list(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder / below) as items:
                return list(items)
        except OSError as error:
            raise Mistake(
                f"The folder {below or '.'} cannot be read ({error.strerror}): change who may "
                "read it, or list it in .labdockignore."
            ) from None

    def _link(self, path: str, full: Path) -> str:
        """A link's text: relative to its own folder, or `~/ROOT/...` into a data root."""
        text = full.readlink()
        home = full.parent.resolve()
        lexical = Path(os.path.normpath(home / text))
        real = Path(os.path.realpath(full))
        if real.is_relative_to(self.folder):
            target = lexical if lexical.is_relative_to(self.folder) else real
            relative = os.path.relpath(target, home)
            return f"./{relative}" if relative.startswith("~") else relative
        for name, root in self.data_roots.items():
            if real.is_relative_to(root):
                return str(PurePosixPath("~", name, real.relative_to(root)))
        raise Mistake(_leaves(path, self.data_roots))


def _rules_above(folder: Path) -> _Rules:
    """The rules of the folders above one, up to the root of its repository."""
    parents = list(folder.parents)
    repository = next((n for n, at in enumerate([folder, *parents]) if (at / ".git").exists()), 0)
    if not repository:
        return _Rules()
    outermost = parents[repository - 1]
    rules = _Rules(above=f"{folder.relative_to(outermost).as_posix()}/")
    for parent in reversed(parents[:repository]):
        below = parent.relative_to(outermost).as_posix()
        rules = rules.within(parent, "" if below == "." else f"{below}/")
    return rules


def _rules_in(path: Path) -> list[_Rule]:
    """The rules in a file that mean something; as for git, the others are nothing."""
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return []
    except OSError as error:
        raise Mistake(f"{path.name} cannot be read: {error.strerror}.") from None
    lines = (line.rstrip() for line in text.splitlines())
    return [
        _Rule(path.name, pattern, only_folders=line.endswith("/"))
        for line in lines
        for pattern in _patterns(line)
    ]


def _patterns(line: str) -> list[RegexPattern]:
    folders_in = re.sub(r"/\*\*/$", "/**/*/", line)  # which pathspec takes for the folder itself
    try:
        patterns = GitIgnoreSpec.from_lines([folders_in]).patterns
    except ValueError:
        return []
    return [pattern for pattern in patterns if pattern.include is not None]


def _never(item: os.DirEntry[str]) -> str | None:
    name = item.name.lower()
    for why, pattern in _NEVER.items():
        if pattern.fullmatch(name):
            return why
    is_environment = os.access(f"{item.path}/pyvenv.cfg", os.F_OK)
    return "a virtual environment" if is_environment else None


def _refuse_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        raise Mistake(f"The name of {shown} is not UTF-8: rename the file.") from None
    if len(path) > 1024:
        raise Mistake(f"The path {path[:60]}… is over 1,024 characters long: shorten it.")


def _leaves(path: str, data_roots: Iterable[str]) -> str:
    roots = ", ".join(sorted(data_roots))
    where = f" or link to a data root ({roots})" if roots else ""
    return (
        f"{path} is a link that leaves the folder, and a job would not find what it points to: "
        f"copy the files in{where}, or list the link in .labdockignore."
    )


def largest(files: Iterable[tuple[str, int]], count: int = 5) -> Iterator[str]:
    """The largest files, for a person."""
    for path, size in sorted(files, key=lambda item: (-item[1], item[0]))[:count]:
        yield f"{path} ({wording.size(size)})"
