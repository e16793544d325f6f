"""Taking a source: the files of a folder, its entry, and what its code needs.

The digest of a source depends on what its files hold, their paths, whether they are
executable and where links lead: on no time, owner, place or order. Of notebooks the code
counts: their outputs, execution counts and metadata neither travel nor count
(`labdock.notebook.stripped`), so that running a notebook again gives the same source.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from labdock import notebook, wording
from labdock.dependencies import Installed, find_requirements, installed_here
from labdock.digests import canonical_json, sha256
from labdock.errors import Mistake
from labdock.schema import Environment, GitCommit, Requirements, Source, SourceFile
from labdock.selection import Candidate, Selection, largest, select

MOST_FILES = 100_000
READS = 3
"""How often a file that changes while it is read is read again."""

NO_ROOTS: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True)
class Content:
    """Where the bytes of a digest are: in memory, or in a file as it was when it was read."""

    size: int
    data: bytes | None = None
    file: Path | None = None
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A source, the contents to upload, and what a person should know of it."""

    source: Source
    contents: Mapping[str, Content]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Paths that do not travel (folders end with a slash), and why."""
    warnings: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.source.files)

    def open(self, digest: str) -> BinaryIO:
        """A content for upload; a Mistake where its file has changed since it was taken."""
        content = self.contents[digest]
        if content.data is not None or content.file is None:
            return io.BytesIO(content.data or b"")
        try:
            file = content.file.open("rb")
        except OSError:
            raise Mistake(f"{content.file.name} went away since it was read: try again.") from None
        if _stamp(os.fstat(file.fileno())) != content.stamp:
            file.close()
            raise Mistake(f"{content.file.name} changed since it was read: try again.")
        return file


def take(
    entry: Path,
    *,
    folder: Path | None = None,
    data_roots: Mapping[str, Path] = NO_ROOTS,
    environment: Environment,
    limit: int,
    installed: Callable[[], Installed] = installed_here,
) -> Taken:
    """Take the source that a notebook or script stands for.

    `folder` is the entry's own unless given; `data_roots` maps a root's path below the
    home (`data`, `projects/NAME`) to where it lies; `limit` is in bytes; `installed` tells
    what the interpreter has, and is asked only where the environment lacks an import.
    """
    base = Path(os.path.realpath(folder or entry.parent))
    name = _entry_name(entry, base)
    with _ask_git(base) as git:
        selection = select(base, name, data_roots)
        files, contents = _files(selection, name, limit)
        needed = find_requirements(base, name, selection.files.keys(), environment, installed)
        commit = _commit(git)
    source = Source(
        digest=source_digest(name, files, needed.requirements),
        entry=name,
        files=files,
        requirements=needed.requirements,
        git=commit,
    )
    warnings = selection.warnings + _dangling(selection) + needed.warnings
    return Taken(source, contents, selection.left_out, warnings)


def source_digest(entry: str, files: Iterable[SourceFile], requirements: Requirements) -> str:
    """The name of a source. Client and service compute it alike."""
    ordered = sorted(files, key=lambda file: file.path)
    document = {
        "entry": entry,
        "files": [_plain(file) for file in ordered],
        "requirements": {"lines": requirements.lines, "origin": requirements.origin},
    }
    return sha256(canonical_json(document))


def _plain(file: SourceFile) -> dict[str, Any]:
    fields = {
        "path": file.path,
        "size": file.size,
        "digest": file.digest,
        "executable": file.executable,
        "link": file.link,
    }
    return {name: value for name, value in fields.items() if value not in (0, None)}


def _entry_name(entry: Path, base: Path) -> str:
    if entry.is_dir():
        raise Mistake(f"{entry} is a folder: name a notebook (.ipynb) or a script (.py) in it.")
    if entry.suffix not in (".py", ".ipynb"):
        raise Mistake(f"{entry.name} is neither a notebook (.ipynb) nor a script (.py).")
    place = Path(os.path.realpath(entry.parent)) / entry.name
    if not place.is_file():
        raise Mistake(f"There is no file {entry.name}: give the path of a notebook or script.")
    if not place.is_relative_to(base):
        raise Mistake(f"{entry.name} is not in the folder {base.name}: give a folder above it.")
    name = place.relative_to(base).as_posix()
    if entry.suffix == ".ipynb":
        _check_notebook(place)
    return name


def _check_notebook(path: Path) -> None:
    try:
        spoken = notebook.language(notebook.read_notebook(path.read_bytes()))
    except notebook.NotANotebook as error:
        raise Mistake(f"{path.name} {error}.") from None
    if spoken not in ("python", "ipython"):
        raise Mistake(f"{path.name} is written in {spoken}: jobs run Python notebooks.")


def _files(
    selection: Selection, entry: str, limit: int
) -> tuple[list[SourceFile], dict[str, Content]]:
    """The files with their digests, and the contents of these. Refuses what is too large."""
    found = selection.files.values()
    # A notebook's size counts only without its outputs, which is known once it was read.
    _refuse_large([(f.path, f.size) for f in found if not f.path.endswith(".ipynb")], limit)
    contents: dict[str, Content] = {}
    files = [_file(item, entry, contents) for item in found]
    _refuse_large([(file.path, file.size) for file in files], limit)
    return files, contents


def _refuse_large(sizes: list[tuple[str, int]], limit: int) -> None:
    total = sum(size for _, size in sizes)
    if total > limit:
        raise Mistake(
            f"The folder holds {wording.size(total)}, and a source may hold {wording.size(limit)}. "
            f"The largest: {', '.join(largest(sizes))}. List in .labdockignore what a job does "
            "not need, or move data to a data root and link it."
        )
    if len(sizes) > MOST_FILES:
        raise Mistake(
            f"The folder holds {len(sizes):,} files, and a source may hold {MOST_FILES:,}: list "
            "in .labdockignore what a job does not need, or move data to a data root."
        )


def _file(item: Candidate, entry: str, contents: dict[str, Content]) -> SourceFile:
    if item.link is not None:
        return SourceFile(path=item.path, link=item.link)
    digest, content = _notebook(item, entry) or _read(item)
    contents[digest] = content
    return SourceFile(path=item.path, size=content.size, digest=digest, executable=item.executable)


def _notebook(item: Candidate, entry: str) -> tuple[str, Content] | None:
    """A notebook's code; None for what is no notebook and travels as it is."""
    if not item.path.endswith(".ipynb"):
        return None
    try:
        data = notebook.stripped(notebook.read_notebook(item.full.read_bytes()))
    except notebook.NotANotebook as error:
        if item.path == entry:
            raise Mistake(f"{item.path} {error}.") from None
        return None
    except OSError:
        return None
    return sha256(data), Content(len(data), data=data)


def _read(item: Candidate) -> tuple[str, Content]:
    for _ in range(READS):
        try:
            with open(_open_file(item.full), "rb") as file:
                before = _stamp(os.fstat(file.fileno()))
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                after = _stamp(os.fstat(file.fileno()))
        except OSError as error:
            raise Mistake(
                f"{item.path} cannot be read ({error.strerror}): change who may read it, or "
                "list it in .labdockignore."
            ) from None
        if before == after:
            return f"sha256:{digest}", Content(after[0], file=item.full, stamp=after)
    raise Mistake(
        f"{item.path} changes while it is read: stop what writes it, or list it in .labdockignore."
    )


def _open_file(path: Path) -> int:
    """Open a file that was seen to be one: follow no link put in its place, wait for no pipe."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ino, stat.S_IFMT(status.st_mode)


def _dangling(selection: Selection) -> list[str]:
    """A sentence for each link to something of the folder that does not travel."""
    files = selection.files
    folders = {str(parent) for path in files for parent in Path(path).parents}
    return [
        f"{item.path} links to {item.link}, which does not travel: a job will not find it."
        for item in files.values()
        if item.link is not None and not item.link.startswith("~/")
        for target in [os.path.normpath(Path(item.path).parent / item.link)]
        if target not in files and target not in folders
    ]


@contextmanager
def _ask_git(folder: Path) -> Iterator[subprocess.Popen[str] | None]:
    """Ask git for the commit and what differs from it; it answers while files are read."""
    command = ["git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"]
    try:
        git = subprocess.Popen(
            [*command, "--", "."],
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    except OSError:
        yield None
        return
    with git:
        try:
            yield git
        finally:
            git.kill()


def _commit(git: subprocess.Popen[str] | None) -> GitCommit | None:
    if git is None:
        return None
    output, _ = git.communicate()
    lines = output.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), None)
    if git.returncode != 0 or commit in (None, "(initial)"):
        return None
    return GitCommit(commit=str(commit), dirty=any(not line.startswith("#") for line in lines))
