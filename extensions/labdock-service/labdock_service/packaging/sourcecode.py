"""The layers of code: a source's files, and Labdock's own packages."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from labdock.digests import canonical_json, sha256
from labdock.schema import Layer, Source, SourceFile
from labdock_service.errors import PackagingFailed
from labdock_service.packaging.layers import ROOTS, LayerStore
from labdock_service.packaging.scratch import scratch

RUNTIME = "labdock_runtime"
VERSION = re.compile(r"^__version__ = \"([^\"]+)\"", re.MULTILINE)


def check_source(source: Source) -> None:
    """Refuse a source whose files could not be laid out: paths that leave it or clash.

    Raises PackagingFailed with a sentence.
    """
    paths = {file.path for file in source.files}
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    if len(paths) != len(source.files):
        raise PackagingFailed("The source lists a path twice.")
    if clash := sorted(paths & folders):
        raise PackagingFailed(f"{clash[0]} is a file and a folder in the source.")
    if source.entry not in paths:
        raise PackagingFailed(f"The source does not hold its entry {source.entry}.")
    for file in source.files:
        _check_file(file)


def code_layer(source: Source, store: LayerStore) -> Layer:
    """The layer of a source's files."""
    kept = store.find("code", source.digest)
    if kept is not None:
        return kept
    check_source(source)
    with scratch(store.state) as made:
        folder = made.path / "code"
        folder.mkdir()
        for file in source.files:
            _lay_out(file, folder, store)
        return store.add("code", folder, source.digest)


@dataclass(frozen=True)
class OwnPackage:
    """A package of Labdock's own that workers run: what its files hold, by path."""

    name: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """The name of what the files hold."""
        return sha256(canonical_json({path: sha256(data) for path, data in self.files.items()}))

    @property
    def version(self) -> str:
        """Its version, and enough of its digest to tell apart two of the same version."""
        found = VERSION.search(self.files["__init__.py"].decode())
        return f"{found[1] if found else '0'}+{self.digest[7:19]}"


def read_package(folder: Path, name: str) -> OwnPackage:
    """Read the package from its folder."""
    files = (file for file in sorted(folder.rglob("*")) if "__pycache__" not in file.parts)
    return OwnPackage(
        name,
        {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in files
            if file.is_file()
        },
    )


def runtime_version(folder: Path) -> str:
    """The version of the runtime in a folder, as snapshots name it."""
    return read_package(folder, RUNTIME).version


def package_layer(package: OwnPackage, store: LayerStore) -> Layer:
    """The layer of a package of Labdock's own."""
    kept = store.find("runtime", package.digest)
    if kept is not None:
        return kept
    with scratch(store.state) as made:
        folder = made.path / "runtime"
        for path, data in package.files.items():
            target = folder / package.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o644)
        return store.add("runtime", folder, package.digest)


def _check_file(file: SourceFile) -> None:
    if not _is_plain(file.path):
        raise PackagingFailed(f"{file.path!r} is no path within a folder.")
    if (file.link is None) == (file.digest is None):
        raise PackagingFailed(f"{file.path} has to be either a file or a link.")
    if file.link is None:
        return
    if file.link.startswith("~/"):
        inside = _is_plain(file.link[2:])
    else:
        target = os.path.normpath(PurePosixPath(file.path).parent / file.link)
        inside = not target.startswith(("/", "..")) and "\0" not in target
    if not inside:
        raise PackagingFailed(f"{file.path} is a link that leaves the folder.")


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return all(part not in ("", ".", "..") and "\0" not in part for part in parts)


def _lay_out(file: SourceFile, folder: Path, store: LayerStore) -> None:
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.link is not None:
        inside_root = file.link.startswith("~/")
        target.symlink_to(f"{ROOTS}/{file.link[2:]}" if inside_root else file.link)
    elif file.digest is not None:
        _copy(store.state.blob(file.digest), target, file)
        target.chmod(0o755 if file.executable else 0o644)


def _copy(blob: Path, target: Path, file: SourceFile) -> None:
    try:
        with blob.open("rb") as held:
            found = hashlib.file_digest(held, "sha256").hexdigest()
    except FileNotFoundError:
        raise PackagingFailed(f"{file.path} was not uploaded: submit again.") from None
    if f"sha256:{found}" != file.digest:
        raise PackagingFailed(f"The stored content of {file.path} is damaged: submit again.")
    shutil.copyfile(blob, target)
